#!/usr/bin/python3
"""scenarios/scenario.schema.json says of scenarios what the program's own reader says.

Usage: schema_test.py AOE_HARNESS SCENARIOS

The reader's vocabulary is asked for, not listed: a key that it can't know is put into each kind of mapping, and its
complaint lists those that it does know there. So a key that one of the two has and the other lacks fails this test.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)

PROGRAM, SCENARIOS = sys.argv[1], pathlib.Path(sys.argv[2])
SCHEMA = json.loads((SCENARIOS / "scenario.schema.json").read_text())
DEFINITIONS = SCHEMA["definitions"]
UNKNOWN = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"

# Every kind of mapping at least once, in these two together. What a kind of mapping has is found by putting UNKNOWN into it.
EVERYTHING = """
scenario: everything
title: Every kind of mapping
matrix: {count: [1], include: [{count: 2}], exclude: [{count: 1}]}
roles: {target: {says: {identify: {}}}, mutant: {end: target, behave: answers-twice}}
given: {}
steps:
  - discover: {}
  - warmup: {}
  - io: {id: a, op: read}
  - arm: {fault: drop, id: drop, match: {}}
  - arm: {fault: duplicate, id: duplicate}
  - arm: {fault: delay, id: delay, by: 1ms}
  - arm: {fault: reorder, id: reorder}
  - arm: {fault: corrupt, id: corrupt, set: {version: 3}}
  - arm: {fault: truncate, id: truncate, to: 20}
  - arm: {fault: partition, id: partition}
  - arm: {fault: rate, id: rate, at: 10Mbit}
  - arm: {fault: mac-change, id: mac-change, mac: "02:00:00:00:00:09"}
  - arm: {fault: link-down, id: link-down}
  - arm: {fault: mtu, id: mtu, mtu: 1500}
  - arm: {fault: pause, id: pause}
  - arm: {fault: kill, id: kill}
  - arm: {fault: disk-error, id: disk-error}
  - arm: {fault: slow-disk, id: slow-disk, by: 1ms}
  - arm: {fault: interface-gone, id: interface-gone}
  - arm: {fault: interface-renamed, id: interface-renamed}
  - arm: {fault: count, id: count}
  - says: {}
  - open: {}
  - close: {}
  - send: {ata: {op: read}}
  - send: {config: {}}
  - send: {mask: {op: edit, directives: [{op: add, mac: "02:00:00:00:00:09"}]}}
  - send: {reserve: {}}
  - identify: {}
  - config: {}
  - mask: {}
  - reserve: {}
  - ask: {kind: read}
  - alive: {}
  - advertised: trim
  - send: {kind: config, repeat: buffers, tag: each}
  - scapy: {script: x.py}
  - expect:
      io: {id: a}
      device: up
      within: 1s
      retransmit: {of: drop, within: rto}
      outstanding: {max: 16, from: retransmit(drop), until: io(a)}
      hits: {of: drop}
      reply: {ata: {}, identify: {words: [{word: 49, is: 0}]}, config: {}, mask: {}, reserve: {}}
      replies: {}
      announcement: {}
      store: {data: pattern}
  - expect: {reply: {any: [ok, {error: 2}]}}
explore: {}
finally: {all-io: resolved}
"""
NETWORK = """
scenario: network
title: Every kind of mapping that only networks have
network: {san: {rate: 1Gbit}, lan: {}}
nodes:
  i: {role: initiator, count: 2, on: [san, lan]}
  t: {role: target, on: [san], luns: 2}
  u: {role: target, on: [san], luns: [{disk: shared}]}
  v: {role: target, on: [san, lan], disk: shared, standby: true}
mutant: {end: t, behave: answers-twice}
steps:
  - kill: t
  - start: t
  - promote: v
  - demote: v
  - arm: {fault: link-down, id: cut, end: v, on: lan}
  - arm: {fault: drop, id: drop, match: {on: lan, from: i2, to: v, payload: {at: 14, bytes: "10"}}}
  - io: {id: a, by: i2, to: "t:e1.2", op: read}
  - send: {by: "u:e1.1", to: i2, on: san, config: {}}
"""
SHORT_OF_LUNS = """
scenario: luns
title: The short form with a list of LUNs
roles: {target: {luns: [{}, {slot: 2}]}}
steps:
  - wait: 1ms
"""

# What neither takes.
WRONG = [
    "steps: []",
    "steps: [{}]",
    "steps: [{wait: 1ms, heal: x}]",
    "steps: [{wait: soon}]",
    "steps: [{io: {id: a}}]",
    "steps: [{io: {id: a b, op: read}}]",
    "steps: [{io: {id: a, op: erase}}]",
    "steps: [{io: {id: a, op: read, lba: -1}}]",
    "steps: [{arm: {fault: dorp, id: f}}]",
    "steps: [{arm: {fault: drop, id: f, by: 1ms}}]",
    "steps: [{arm: {fault: mac-change, id: f}}]",
    "steps: [{arm: {fault: slow-disk, id: f}}]",
    "steps: [{arm: {fault: disk-error, id: f, error: tired}}]",
    "steps: [{arm: {fault: mac-change, id: f, mac: 02:00}}]",
    "steps: [{arm: {fault: drop, id: f, probability: 2}}]",
    "steps: [{arm: {fault: drop, id: f, match: {direction: up}}}]",
    "steps: [{send: {}}]",
    "steps: [{send: {ata: {}}}]",
    "steps: [{send: {bytes: xyz}}]",
    "steps: [{send: {config: {op: sett}}}]",
    "steps: [{send: {config: {}}}, {expect: {}}]",
    "steps: [{send: {config: {}}}, {expect: {reply: okay}}]",
    "steps: [{send: {config: {}}}, {expect: {reply: []}}]",
    "steps: [{send: {config: {}}}, {expect: {reply: {ata: {data: some}}}}]",
    "steps: [{expect: {device: up}}]",
    "steps: [{expect: {store: {lba: 1}}}]",
    "steps: [{expect: {announcement: {to: nobody}}}]",
    "steps: [{ask: {kind: question}}]",
    "steps: [{ask: {}}]",
    "steps: [{alive: {for: 1s}}]",
    "steps: [{advertised: wings}]",
    "steps: [{send: {kind: read, repeat: always}}]",
    "steps: [{send: {config: {}}}, {expect: {reply: {identify: {words: [{word: 3}]}}}}]",
    "steps: [{send: {config: {}}}, {expect: {replies: {from: here}}}]",
    "steps: [{expect: {device: gone, within: 1s}}]",
    "steps: [{expect: {outstanding: {from: io(a)}}}]",
    "steps: [{io: {id: a, op: read}}, {expect: {outstanding: {max: 1, from: begin(a)}}}]",
    "steps: [{scapy: {}}]",
    "steps: [{wait: 1ms}]\nlevel: shall",
    "steps: [{wait: 1ms}]\ntags: [a b]",
    "steps: [{wait: 1ms}]\nworlds: [moon]",
    "steps: [{wait: 1ms}]\nalways: [data-integrety]",
    "steps: [{wait: 1ms}]\nfinally: {within: 1s}",
    "steps: [{wait: 1ms}]\ngiven: {rtt: fast}",
    "steps: [{wait: 1ms}]\nmatrix: {count: 1}",
    "steps: [{wait: 1ms}]\nnodes: {i: {role: initiator}, t: {role: target}}",
    "steps: [{wait: 1ms}]\nnetwork: {lan: {}}",
    "steps: [{wait: 1ms}]\nmutant: {end: target, behave: answers-twice}",
    "steps: [{kill: [target]}]",
    "steps: [{open: {of: target}}]",
    "steps: [{arm: {fault: drop, id: f, match: {payload: {at: 14}}}}]",
    "steps: [{arm: {fault: drop, id: f, on: link}}]",
    "steps: [{io: {id: a, op: read, to: 'target:1.1'}}]",
]

# What neither takes in place of a network and its nodes.
WRONG_NETWORKS = [
    "",
    "nodes: {}",
    "nodes: {i: {}, t: {role: target}}",
    "nodes: {i: {role: initiator, size: 8MiB}, t: {role: target}}",
    "nodes: {i: {role: initiator}, t: {role: target, paths: 2}}",
    "nodes: {i: {role: initiator}, t: {role: target, luns: []}}",
    "nodes: {i: {role: initiator}, t: {role: target, slot: 1, luns: [{}]}}",
    "network: {lan: {rate: fast}}\nnodes: {i: {role: initiator}, t: {role: target}}",
    "network: {lan: {switch: hub}}\nnodes: {i: {role: initiator}, t: {role: target}}",
    "network: {lan: {lost-over: 1514}}\nnodes: {i: {role: initiator}, t: {role: target}}",
]


class Loader(yaml.SafeLoader):
    """YAML as the reader and editors know it, 1.2: `on` is a key, and no truth."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def load(text):
    return yaml.load(text, Loader)


def read(text):
    """What the reader has to say of it: nothing, where all is well."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([PROGRAM, "list", file.name], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == (done.stderr == ""), done
    return done.stderr


def resolve(schema):
    while set(schema) & {"$ref", "allOf"}:
        reference = schema.get("$ref") or schema["allOf"][0].get("$ref")
        if reference is None:
            break
        schema = DEFINITIONS[reference.rsplit("/", 1)[1]] | {"name": reference.rsplit("/", 1)[1]}
    return schema


def mapping_for(schema, value):
    """The one of a schema's alternatives that describes this mapping."""
    schema = resolve(schema)
    if "properties" in schema:
        return schema
    for alternative in schema.get("oneOf", []) + schema.get("anyOf", []):
        if jsonschema.Draft7Validator({**alternative, "definitions": DEFINITIONS}).is_valid(value):
            found = mapping_for(alternative, value)
            if found:
                return found
    return None


def items_of(schema, value):
    """The schema of a list's items, among alternatives."""
    schema = resolve(schema)
    if "items" in schema:
        return schema["items"]
    for alternative in schema.get("oneOf", []) + schema.get("anyOf", []):
        if jsonschema.Draft7Validator({**alternative, "definitions": DEFINITIONS}).is_valid(value):
            found = items_of(alternative, value)
            if found:
                return found
    return None


def mappings(schema, value, path=()):
    """All mappings in a value: where they are, and what the schema says of their keys."""
    if isinstance(value, dict):
        each = resolve(schema).get("additionalProperties")
        if isinstance(each, dict) and "properties" not in resolve(schema):  # names, with a value each
            for key, inner in value.items():
                yield from mappings(each, inner, (*path, key))
            return
        found = mapping_for(schema, value)
        if found is None or found.get("additionalProperties") is not False:
            return
        yield path, found
        for key, inner in value.items():
            yield from mappings(found["properties"][key], inner, (*path, key))
    elif isinstance(value, list):
        items = items_of(schema, value)
        for i, inner in enumerate(value):
            if items is not None:
                yield from mappings(items, inner, (*path, i))


def known_at(document, path):
    """The keys that the reader knows in the mapping there."""
    document = copy.deepcopy(document)
    place = document
    for step in path:
        place = place[step]
    if path and path[-2:-1] == ("steps",):  # a step has one word: an unknown one is put in its place
        place.clear()
    place[UNKNOWN] = 1
    complaint = read(yaml.safe_dump(document, sort_keys=False))
    found = re.search(rf"unknown key '{UNKNOWN}'; known are (.*)$", complaint, re.MULTILINE)
    assert found, f"{path}: {complaint}"
    return set(filter(None, found[1].split(", ")))


def check_vocabulary():
    reader, schema_keys = {}, {}
    for text in (EVERYTHING, NETWORK, SHORT_OF_LUNS):
        document = load(text)
        VALIDATOR.validate(document)
        assert read(text) == "", read(text)
        # A matrix is filled in from all of the document: an unknown key is to be found in the rest of it.
        document.pop("matrix", None)
        seen = set(reader) - {"scenario"}  # whose keys depend on its form: the reader's are those of all forms
        for path, schema in mappings({"$ref": "#/definitions/scenario"}, document):
            name = schema.get("name", path[-1] if path else "scenario")
            if name in seen:
                continue
            seen.add(name)
            reader[name] = reader.get(name, set()) | known_at(document, path)
            schema_keys[name] = set(schema["properties"])
    for name, known in reader.items():
        assert known == schema_keys[name], (
            f"scenario.schema.json, definition '{name}': the reader alone knows {sorted(known - schema_keys[name])}, "
            f"the schema alone {sorted(schema_keys[name] - known)}"
        )
    closed = {name for name, schema in DEFINITIONS.items() if schema.get("additionalProperties") is False}
    assert closed <= set(reader), f"EVERYTHING and NETWORK above have no {sorted(closed - set(reader))}"


def words_of(schema):
    """The words of a field that takes a number as well; None for anything else."""
    alternatives = [resolve(alternative) for alternative in resolve(schema).get("anyOf", [])]
    if not any(alternative.get("name") == "number" for alternative in alternatives):
        return None
    for alternative in alternatives:
        words = alternative.get("enum") or alternative.get("items", {}).get("enum")
        if words:
            return set(words), "items" in alternative
    return None


def check_words():
    """The words of each field of a frame are those of the table of the wire, by which the reader reads them."""
    document = load(EVERYTHING)
    del document["matrix"]
    seen = set()
    for path, schema in mappings({"$ref": "#/definitions/scenario"}, document):
        for key, inner in schema["properties"].items():
            words = words_of(inner)
            name = (schema.get("name", path[-1] if path else "scenario"), key)
            if words is None or name in seen:
                continue
            seen.add(name)
            changed = copy.deepcopy(document)
            place = changed
            for step in path:
                place = place[step]
            place[key] = [UNKNOWN] if words[1] else UNKNOWN
            complaint = read(yaml.safe_dump(changed, sort_keys=False))
            found = re.search(rf"{key}: expected (.*) or a number up to", complaint)
            assert found, f"{path} {key}: {complaint}"
            known = set(found[1].split(", "))
            if key == "status":
                known.add("failed")  # a condition on several bits, which is no value of the register
            assert known == words[0], f"{name}: the reader has {sorted(known)}, the schema {sorted(words[0])}"
    assert len(seen) > 15, seen


def check_scenarios():
    files = sorted(SCENARIOS.rglob("*.yaml"))
    assert files
    for file in files:
        for document in yaml.load_all(file.read_text(), Loader):
            VALIDATOR.validate(document)
    done = subprocess.run([PROGRAM, "list", SCENARIOS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def check_wrong_ones():
    for rest in WRONG:
        text = f"scenario: s\ntitle: t\nroles: {{target: {{}}}}\n{rest}\n"
        assert read(text), f"the reader takes: {rest}"
        assert not VALIDATOR.is_valid(load(text)), f"the schema takes: {rest}"
    for parties in WRONG_NETWORKS:
        text = f"scenario: s\ntitle: t\n{parties}\nsteps: [{{wait: 1ms}}]\n"
        assert read(text), f"the reader takes: {parties}"
        assert not VALIDATOR.is_valid(load(text)), f"the schema takes: {parties}"


jsonschema.Draft7Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
check_scenarios()
check_vocabulary()
check_words()
check_wrong_ones()
