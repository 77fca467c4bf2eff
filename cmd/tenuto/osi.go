package main

import "github.com/spf13/cobra"

func (p *program) osi() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "osi",
		Short: "Work with the OSI session protocol itself",
		Long: `Osi has commands for X.225 (ISO 8327-1) as OSI software speaks it: over
RFC 1006, on TCP port 102.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.osiDecode())
	return cmd
}
