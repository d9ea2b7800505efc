package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/posener/complete"
	"github.com/willabides/kongplete"

	"sluice/ops/config"
	"sluice/stream/govern"
	"sluice/stream/rules"
	"sluice/stream/state"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help teaches the verb.
func (completionCmd) Help() string {
	return `Examples:

	sluice completion bash >> ~/.bashrc
	sluice completion zsh >> ~/.zshrc
	sluice completion fish > ~/.config/fish/completions/sluice.fish

Names of captures, entities, sinks and topics are completed from the configuration.`
}

var completions = map[string]string{
	"bash": "complete -C %[1]q sluice\n",
	"zsh":  "autoload -U +X bashcompinit && bashcompinit\ncomplete -C %[1]q sluice\n",
	"fish": "function __complete_sluice\n    set -lx COMP_LINE (commandline -cp)\n" +
		"    test -z (commandline -ct); and set COMP_LINE \"$COMP_LINE \"\n    %[1]q\nend\n" +
		"complete -f -c sluice -a \"(__complete_sluice)\"\n",
}

// Run runs the verb.
func (c *completionCmd) Run(s *session) error {
	bin, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the path of sluice: %w", err)
	}
	_, err = fmt.Fprintf(s.stdout, completions[c.Shell], bin)
	return err
}

// predictors complete names from the configuration, if it can be read.
func predictors() []kongplete.Option {
	names := func(of func(*config.File) []string) complete.Predictor {
		return complete.PredictFunc(func(complete.Args) []string {
			path := os.Getenv("SLUICE_CONFIG")
			if path == "" {
				path = "sluice.yaml"
			}
			f, err := config.Loader{Needs: []string{"-"}, Embedded: true}.Load(path)
			if err != nil {
				return nil
			}
			return of(f)
		})
	}
	return []kongplete.Option{
		kongplete.WithPredictor("capture", names(func(f *config.File) []string { return slices.Sorted(maps.Keys(f.Captures)) })),
		kongplete.WithPredictor("entity", names(func(f *config.File) []string { return slices.Sorted(maps.Keys(f.Entities)) })),
		kongplete.WithPredictor("governed", names(governed)),
		kongplete.WithPredictor("sink", names(func(f *config.File) []string { return slices.Sorted(maps.Keys(f.Sinks)) })),
		kongplete.WithPredictor("topic", names(topicsOf)),
	}
}

// topicsOf lists the topics that the configuration implies.
func topicsOf(f *config.File) []string {
	topics := map[string]bool{positionsTopic: true}
	for name, e := range f.Entities {
		topics[config.EntityTopic(name)] = true
		for _, stream := range e.Streams(name) {
			topics["dlq.stream."+stream] = true
		}
		if e.Authority != nil {
			for _, t := range []string{
				config.ContributionsTopic(name), rules.CrosswalkTopic(name), govern.ReviewTopic(name), state.ChangelogTopic(name),
			} {
				topics[t] = true
			}
		}
		for _, t := range e.Topics() {
			topics[t] = true
		}
	}
	for name := range f.Sinks {
		topics["dlq.sink."+name], topics["receipts."+name] = true, true
	}
	return slices.Sorted(maps.Keys(topics))
}
