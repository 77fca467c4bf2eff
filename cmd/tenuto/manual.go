package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manual is hidden: it is for who packages the program.
func (p *program) manual() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual's pages to a folder",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // a date would make each build another one
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Tenuto", Manual: "Tenuto's manual"}, args[0])
		},
	}
}
