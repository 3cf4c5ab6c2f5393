// Judges objects as Kubernetes does, by its own packages: strict decoding for its own kinds, and for custom resources what
// the API server does with the schema of their definition. Lines of JSON in, a line of JSON out for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
)

type question struct {
	Schema json.RawMessage `json:"schema"`
	Object json.RawMessage `json:"object"`
}

func builtIn(object []byte) []string {
	options := kjson.SerializerOptions{Strict: true}
	decoder := kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, options)
	if _, _, err := decoder.Decode(object, nil, nil); err != nil {
		return []string{err.Error()}
	}
	return nil
}

func custom(said, text []byte) ([]string, error) {
	var external v1.JSONSchemaProps
	if err := json.Unmarshal(said, &external); err != nil {
		return nil, err
	}
	var internal apiextensions.JSONSchemaProps
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&external, &internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return nil, err
	}
	object := map[string]interface{}{}
	if err := utiljson.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	var wrong []string
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object, structural, true, options) {
		wrong = append(wrong, "unknown field "+path)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, structural)
	defaulting.Default(object, structural)
	for _, err := range validation.ValidateCustomResource(nil, object, validator) {
		wrong = append(wrong, err.Error())
	}
	for _, err := range listtype.ValidateListSetsAndMaps(nil, structural, object) {
		wrong = append(wrong, err.Error())
	}
	return wrong, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		var wrong []string
		if asked.Schema == nil {
			wrong = builtIn(asked.Object)
		} else {
			found, err := custom(asked.Schema, asked.Object)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			wrong = found
		}
		if wrong == nil {
			wrong = []string{}
		}
		answer, _ := json.Marshal(map[string]interface{}{"wrong": wrong})
		fmt.Println(string(answer))
	}
}
