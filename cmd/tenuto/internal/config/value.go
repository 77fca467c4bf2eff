package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// textsOf is a value as its flag reads it on the command line, or what is wrong with the type.
func textsOf(flag *pflag.Flag, value any) (texts []string, wrong string) {
	want, text, ok := "", "", false
	switch t := flag.Value.Type(); t {
	case "bool":
		want = "true or false, without quotes"
		if v, is := value.(bool); is {
			text, ok = strconv.FormatBool(v), true
		}
	case "int", "int64", "uint", "uint16", "uint32", "uint64":
		want = "an integer"
		if v, is := value.(int64); is {
			text, ok = strconv.FormatInt(v, 10), true
		}
	case "string":
		want = "a string"
		text, ok = value.(string)
	case "duration":
		want = `a string with a duration, such as "10m" or "1m30s"`
		text, ok = value.(string)
	default:
		if _, is := flag.Value.(pflag.SliceValue); is {
			return list(flag, value)
		}
		want = fmt.Sprintf("a string or an integer with a %s", t)
		switch v := value.(type) {
		case string:
			text, ok = v, true
		case int64:
			text, ok = strconv.FormatInt(v, 10), true
		}
	}
	if !ok {
		return nil, fmt.Sprintf("must be %s; it is %s", want, typeName(value))
	}
	return []string{text}, ""
}

func list(flag *pflag.Flag, value any) (texts []string, wrong string) {
	want := "a list of strings"
	if isPairs(flag) {
		want += ", or a table"
	}
	values, ok := value.([]any)
	if !ok {
		return nil, fmt.Sprintf("must be %s; it is %s", want, typeName(value))
	}
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Sprintf("must be %s; one of its elements is %s", want, typeName(v))
		}
		texts = append(texts, text)
	}
	return texts, ""
}

// isPairs tells whether a flag is a list of NAME=VALUE, which can be written as a table. Its help says so.
func isPairs(flag *pflag.Flag) bool {
	if flag == nil {
		return false
	}
	_, isList := flag.Value.(pflag.SliceValue)
	name, _ := pflag.UnquoteUsage(flag)
	return isList && strings.HasPrefix(name, "NAME=")
}

// pairs is a table as NAME=VALUE, by name.
func pairs(table map[string]any) (texts []string, wrong string) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		value, ok := table[name].(string)
		if !ok {
			return nil, fmt.Sprintf("has %q, which must be a string; it is %s", name, typeName(table[name]))
		}
		if strings.Contains(name, "=") {
			return nil, fmt.Sprintf("has %q, and a name must not hold =", name)
		}
		texts = append(texts, name+"="+value)
	}
	return texts, ""
}

func typeName(value any) string {
	switch value.(type) {
	case bool:
		return "a boolean"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// unknown says what is not known, and what may have been meant.
func (s *schema) unknown(section, key string, isTable bool) string {
	flags, where := s.top, "at the top"
	if section != "" {
		flags, where = s.sections[section], "in ["+section+"]"
	}
	what := fmt.Sprintf("key %q %s", key, where)
	names := slices.Collect(maps.Keys(flags))
	if section == "" && isTable {
		what = fmt.Sprintf("table [%s]", key)
		names = slices.Collect(maps.Keys(s.sections))
	}
	if near := nearest(key, names); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", what, near)
	}
	// In some other table it would be right.
	var tables []string
	for name, flags := range s.sections {
		if name != section && flags[key] != nil {
			tables = append(tables, "["+name+"]")
		}
	}
	if len(tables) > 0 {
		slices.Sort(tables)
		return fmt.Sprintf("%s; it is one of %s", what, strings.Join(tables, " and "))
	}
	slices.Sort(names)
	return fmt.Sprintf("%s; known are %s", what, strings.Join(names, ", "))
}

// maxName is the length of the longest key that is compared with what it may have been meant to be, in octets.
const maxName = 64

// nearest is the name that is least far from what was written, if any is near.
func nearest(written string, names []string) (near string) {
	if len(written) > maxName {
		return ""
	}
	slices.Sort(names)
	least := max(1, len(written)/3) + 1
	for _, name := range names {
		if d := distance(written, name); d < least {
			near, least = name, d
		}
	}
	return near
}

// distance counts the octets to insert, to remove or to replace, and the neighbours to swap, to get from a to b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
