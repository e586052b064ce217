package config

import (
	"encoding/json"
	"net/url"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/envdeck/envdeck/internal/fault"
)

// JSONSchema is the schema of the configuration file with the blocks of these
// kinds, for editors: JSON, with a line break at the end. It is made of the
// structs that the file is read into, so it cannot say anything else.
func JSONSchema(kinds []BlockKind) ([]byte, error) {
	root := reflector().Reflect(Config{})
	root.ID = ""
	root.Title = "envdeck.yaml"
	projects, ok := root.Properties.Get("projects")
	if !ok {
		return nil, fault.New(fault.Internal, "The schema of the configuration has no projects.")
	}
	for _, k := range kinds {
		block := reflector().Reflect(k.Block())
		block.Version, block.ID = "", ""
		projects.Items.Properties.Set(k.Name, block)
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "The schema of the configuration cannot be made.")
	}
	return append(text, '\n'), nil
}

func reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: true, Anonymous: true, Mapper: shape,
	}
}

// shape is the schema of the types whose shape in the file is not their Go
// one, nil for all others.
func shape(t reflect.Type) *jsonschema.Schema {
	switch t {
	case secretType:
		return &jsonschema.Schema{
			Type: "string", Examples: []any{"${env:NAME}", "${file:PATH}"},
			Description: "A secret: ${env:NAME} or ${file:PATH}.",
		}
	case durationType:
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`, Examples: []any{"30s", "5m", "1h30m"}}
	case urlType, reflect.TypeFor[url.URL]():
		return &jsonschema.Schema{Type: "string", Format: "uri", Pattern: "^https?://"}
	case envsType:
		return &jsonschema.Schema{
			Type: "object", PropertyNames: &jsonschema.Schema{Pattern: envName.String()},
			AdditionalProperties: nested(Environment{}),
		}
	case sourceType:
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^(live|report|staged|custom: *\S+|branch: *\S+)$`},
			only("custom", &jsonschema.Schema{Type: "string"}),
			only("branch", &jsonschema.Schema{Type: "string"}),
		}}
	case cronsType:
		return &jsonschema.Schema{
			Description: "Where the schedules come from: a provider; a file of the repository; or the list itself.",
			OneOf: []*jsonschema.Schema{
				{Type: "array", Items: nested(CronJob{})},
				only("from", &jsonschema.Schema{OneOf: []*jsonschema.Schema{
					{Type: "string"}, only("file", &jsonschema.Schema{Type: "string"}),
				}}),
			},
		}
	default:
		return nil
	}
}

// nested is the schema of a struct inside another one.
func nested(v any) *jsonschema.Schema {
	s := reflector().Reflect(v)
	s.Version, s.ID = "", ""
	return s
}

// only is a map of exactly one key.
func only(key string, value *jsonschema.Schema) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(key, value)
	return &jsonschema.Schema{Type: "object", Properties: properties, Required: []string{key}, AdditionalProperties: jsonschema.FalseSchema}
}
