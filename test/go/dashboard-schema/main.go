// Checks dashboards against Grafana's schema: the types of the Grafana Foundation SDK are generated from it, and their strict
// decoders refuse fields that it does not have and values that it does not allow, those of each kind of panel too.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		// The SDK returns empty lists of errors too.
		if err := check(path); err != nil && err.Error() != "" {
			fmt.Printf("%s:\n%v\n", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var decoded dashboard.Dashboard
	if err := decoded.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	return decoded.Validate()
}
