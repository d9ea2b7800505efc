package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// fits checks the JSON default of a field against its type (Avro specification,
// table "field default values"). A union's default may be of any branch, as the
// specification has it since 1.12.
func fits(v any, s *Schema, depth int) error {
	wrong := fmt.Errorf("%s is no %s", describe(v), s)
	if depth > 100 {
		return errors.New("it is nested more than 100 deep")
	}
	switch s.Kind {
	case Null:
		return unless(v == nil, wrong)
	case "boolean":
		_, ok := v.(bool)
		return unless(ok, wrong)
	case "int", "long":
		n, ok := v.(json.Number)
		if !ok {
			return wrong
		}
		i, err := n.Int64()
		return unless(err == nil && (s.Kind == "long" || (i >= math.MinInt32 && i <= math.MaxInt32)), wrong)
	case "float", "double":
		if text, ok := v.(string); ok { // JSON has no number for these
			return unless(slices.Contains([]string{"NaN", "Infinity", "-Infinity", "INF", "-INF"}, text), wrong)
		}
		_, ok := v.(json.Number)
		return unless(ok, wrong)
	case String, Bytes:
		_, ok := v.(string)
		return unless(ok, wrong)
	case Fixed:
		text, ok := v.(string)
		return unless(ok && len([]rune(text)) == s.Size, wrong)
	case Enum:
		text, ok := v.(string)
		return unless(ok && slices.Contains(s.Symbols, text), wrong)
	case Union:
		for _, b := range s.Branches {
			if fits(v, b, depth+1) == nil {
				return nil
			}
		}
		return wrong
	case Array:
		list, ok := v.([]any)
		if !ok {
			return wrong
		}
		for _, e := range list {
			if err := fits(e, s.Items, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fitsObject(v, s, depth, wrong)
}

func fitsObject(v any, s *Schema, depth int, wrong error) error {
	o, ok := v.(map[string]any)
	if !ok {
		return wrong
	}
	if s.Kind == Map {
		for _, e := range o {
			if err := fits(e, s.Items, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for _, f := range s.Fields {
		e, has := o[f.Name]
		switch {
		case has:
			if err := fits(e, f.Type, depth+1); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		case !f.HasDefault:
			return fmt.Errorf("it lacks %q", f.Name)
		}
	}
	return nil
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}
