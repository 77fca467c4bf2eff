package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tenuto-session/tenuto/cmd/tenuto/internal/dissect"
)

// defaultData is how many octets of user data decode shows.
const defaultData = 32

func (p *program) osiDecode() *cobra.Command {
	var (
		options         dissect.Options
		format          string
		ports           []string
		asJSON, summary bool
	)
	cmd := &cobra.Command{
		Use:   "decode [FILE|-]",
		Short: "Show the SPDUs in octets or in a capture",
		Long: `Decode prints the session protocol data units that FILE or standard input holds,
with their parameters, and what is wrong with them. The input is one of

  hex   text: digits with or without offsets, as from hexdump -C, xxd, od -t x1 or
        Wireshark, with comments after # and flows after ">>> Flow 1", ...
  raw   the octets themselves
  pcap  a capture in pcap or pcapng format; TCP connections are put together

and which one is found out, unless --format tells. Raw octets and text hold
packets of RFC 1006, one after the other; with --tsdu what is in them: the octets
are one TSDU, or in text several, with empty lines or headings between them.

User data are not decoded. Of each piece --data octets are shown, which may be
secret.

Exit codes: 0 all was decoded; 1 something was wrong in the input; 2 the command
line is wrong. docs/decode.md describes the input, the output and the JSON objects.`,
		Example: `  tenuto osi decode session.pcapng
  tenuto osi decode --summary --port 0 session.pcap
  echo 01 00 31 03 2A 01 36 | tenuto osi decode --tsdu
  tcpdump -i any -U -w - port 102 | tenuto osi decode --data 0`,
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{quiet: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if options.Format, err = formatOf(format); err != nil {
				return err
			}
			if options.Ports, err = portsOf(ports); err != nil {
				return err
			}
			switch {
			case options.Data < 0:
				return usagef("--data: %d is negative", options.Data)
			case options.TSDU && options.Format == dissect.Capture:
				return usagef("--tsdu: a capture has TSDUs in TCP connections")
			case asJSON && summary:
				return usagef("--json and --summary exclude each other")
			case asJSON:
				options.Style = dissect.JSON
			case summary:
				options.Style = dissect.Summary
			}
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			return decode(cmd.Context(), name, cmd.InOrStdin(), cmd.OutOrStdout(), options)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "auto", "take the input for `FORMAT`: auto, hex, raw or pcap")
	f.BoolVar(&options.TSDU, "tsdu", false, "take hex text and raw octets for TSDUs, not packets of RFC 1006")
	f.StringSliceVar(&ports, "port", []string{strconv.Itoa(dissect.DefaultPort)}, "of a capture, decode the connections of TCP port `N`; 0 is any; may be repeated")
	f.IntVar(&options.Data, "data", defaultData, "show at most `N` octets of each piece of user data")
	f.BoolVar(&summary, "summary", false, "print one line for each SPDU")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each TSDU")
	f.SortFlags = false
	return cmd
}

func formatOf(name string) (dissect.Format, error) {
	switch name {
	case "auto":
		return dissect.Auto, nil
	case "hex":
		return dissect.Hex, nil
	case "raw":
		return dissect.Raw, nil
	case "pcap":
		return dissect.Capture, nil
	}
	return 0, usagef("--format: %q is none of auto, hex, raw, pcap", name)
}

func portsOf(texts []string) (ports []uint16, err error) {
	for _, text := range texts {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, usagef("--port: %q is none of 0 to 65535", text)
		}
		ports = append(ports, uint16(n))
	}
	return ports, nil
}

// decode decodes a file, or standard input if its name is "-".
func decode(ctx context.Context, name string, stdin io.Reader, out io.Writer, o dissect.Options) error {
	var in io.ReadCloser
	if name == "-" {
		name = "standard input"
		in = newStdio(stdin, nil)
	} else {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		in = f
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.Close() })() // ends a read that waits
	result, err := dissect.Run(ctx, in, out, o)
	switch {
	case err != nil:
		return fmt.Errorf("osi decode: %s: %w", name, err)
	case result.Problems > 0:
		return fmt.Errorf("osi decode: %s: %s", name, count(result.Problems, "error"))
	}
	return nil
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
