import { assert, describe, it, vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as PartialJson from "../../src/tool/PartialJson.ts"

type Event = PartialJson.FieldEvent

const read = (pieces: Iterable<string>) => {
  const reader = PartialJson.makeFields()
  const events: Array<Event> = []
  for (const piece of pieces) events.push(...reader.push(piece))
  events.push(...reader.end())
  return { events, done: reader.done, again: [...reader.push('{"z":1}'), ...reader.end()] }
}

/** The fields in order, and a complaint if starts, deltas and ends are not in theirs. */
const fieldsOf = (events: ReadonlyArray<Event>): ReadonlyArray<readonly [key: string, text: string]> => {
  const fields: Array<readonly [string, string]> = []
  let open: { readonly key: string; text: string } | undefined
  for (const event of events) {
    if (event._tag === "FieldStart") {
      assert.isUndefined(open, "a field starts when the last has ended")
      open = { key: event.key, text: "" }
      continue
    }
    assert.strictEqual(open?.key, event.key)
    if (open === undefined) continue
    if (event._tag === "FieldDelta") {
      assert.notStrictEqual(event.text, "")
      open.text += event.text
    } else {
      fields.push([open.key, open.text])
      open = undefined
    }
  }
  assert.isUndefined(open, "every field ends")
  return fields
}

const fields = (pieces: Iterable<string>) => {
  const { events, again } = read(pieces)
  assert.deepStrictEqual(again, [], "nothing comes after the end")
  return fieldsOf(events)
}

/** Code units, not characters, so that surrogate pairs are cut too. */
const units = (text: string): ReadonlyArray<string> => text.split("")
const cut = (text: string, places: ReadonlyArray<number>): ReadonlyArray<string> => {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((to, index) => text.slice(at[index], to))
}
const places = FastCheck.array(FastCheck.nat(), { maxLength: 12 })

const anyString = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.string({ unit: "grapheme" }),
  FastCheck.string({ unit: FastCheck.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)) })
)
const anyJson = FastCheck.jsonValue({ maxDepth: 4, stringUnit: "binary" })
const anyObject = FastCheck.uniqueArray(FastCheck.tuple(anyString, FastCheck.oneof(anyString, anyJson)), {
  maxLength: 6,
  selector: ([key]) => key
})

/** Pretty or not, what is beyond ASCII as escapes or not; and what should be read from it. */
const written = (entries: ReadonlyArray<readonly [string, unknown]>, indent: string, escaped: boolean) => {
  const text = (value: unknown) => {
    const json = JSON.stringify(value, null, indent)
    return escaped ? json.replace(/[^\x20-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`) : json
  }
  const line = indent === "" ? "" : "\r\n\t "
  const parts = entries.map(([key, value]) => ({ key: text(key), raw: text(value) }))
  return {
    json: `${line}{${line}${parts.map(({ key, raw }) => `${key}${line}:${line}${raw}${line}`).join(`,${line}`)}}${line}`,
    // JSON.stringify escapes lone surrogates itself.
    expected: entries.map(([key, value], index): readonly [string, string] => [
      key.replace(lone, "\ufffd"),
      typeof value === "string" ? value.replace(lone, "\ufffd") : (parts[index]?.raw ?? "")
    ])
  }
}
const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const example =
  '{"path": "src/ä \\"x\\".ts", "n" : -1.5e3 , "nested": {"a": [1, "}\\"]"], "b": {}}, "smile": "\\ud83d\\ude00😀", ' +
  '"empty": "", "list":[ ], "yes": true, "\\u006bey": null}'
const exampleFields: ReadonlyArray<readonly [key: string, text: string]> = [
  ["path", 'src/ä "x".ts'],
  ["n", "-1.5e3"],
  ["nested", '{"a": [1, "}\\"]"], "b": {}}'],
  ["smile", "😀😀"],
  ["empty", ""],
  ["list", "[ ]"],
  ["yes", "true"],
  ["key", "null"]
]

describe("PartialJson.makeFields", () => {
  it("AX-38 a document cut anywhere gives the same fields", () => {
    assert.deepStrictEqual(fields([example]), exampleFields)
    assert.deepStrictEqual(fields(units(example)), exampleFields)
    assert.deepStrictEqual(fields(units(example).flatMap((unit) => ["", unit, ""])), exampleFields)
    for (let at = 0; at <= example.length; at++) {
      assert.deepStrictEqual(fields([example.slice(0, at), example.slice(at)]), exampleFields)
    }
  })

  it("AX-38 strings come decoded, others raw, keys in order", () => {
    FastCheck.assert(
      FastCheck.property(
        anyObject,
        FastCheck.constantFrom("", "  "),
        FastCheck.boolean(),
        places,
        (entries, indent, escaped, at) => {
          const { json, expected } = written(entries, indent, escaped)
          assert.deepStrictEqual(fields(cut(json, at)), expected)
          assert.deepStrictEqual(fields(units(json)), expected)
          assert.isTrue(read([json]).done)
        }
      ),
      { numRuns: 150 }
    )
  })

  it("a piece gives at most one delta per field, and that at once", () => {
    const reader = PartialJson.makeFields()
    assert.deepStrictEqual(reader.push('{"a":"x\\ny\\tz'), [
      { _tag: "FieldStart", key: "a" },
      { _tag: "FieldDelta", key: "a", text: "x\ny\tz" }
    ])
    assert.deepStrictEqual(reader.push('","b":[1,'), [
      { _tag: "FieldEnd", key: "a" },
      { _tag: "FieldStart", key: "b" },
      { _tag: "FieldDelta", key: "b", text: "[1," }
    ])
    assert.isFalse(reader.done)
    assert.deepStrictEqual(reader.push("2]}"), [
      { _tag: "FieldDelta", key: "b", text: "2]" },
      { _tag: "FieldEnd", key: "b" }
    ])
    assert.isTrue(reader.done)
  })

  it("AX-39 halves of a pair are never told apart", () => {
    for (const text of [
      '{"a":"😀"}',
      '{"a":["😀"]}',
      '{"a":"\\ud83d\\ude00"}',
      '{"a":"\\ud83d\ude00"}',
      '{"😀":"x"}'
    ]) {
      for (const { text: delta, key } of read(units(text)).events.flatMap((event) =>
        event._tag === "FieldDelta" ? [event] : []
      )) {
        assert.strictEqual(delta.replace(lone, "?"), delta)
        assert.strictEqual(key.replace(lone, "?"), key)
      }
    }
  })

  for (const [name, text, expected] of [
    ["a lone high surrogate", '{"a":"x\\ud83dy"}', ["a: x\ufffdy"]],
    ["a lone low surrogate", '{"a":"\\ude00y"}', ["a: \ufffdy"]],
    ["surrogates in the wrong order", '{"a":"\\ude00\\ud83d"}', ["a: \ufffd\ufffd"]],
    ["two high surrogates and a low one", '{"a":"\\ud83d\\ud83d\\ude00"}', ["a: \ufffd😀"]],
    ["a raw lone surrogate", '{"a":"\ud83d","b":"\ude00"}', ["a: \ufffd", "b: \ufffd"]],
    ["a lone surrogate in a key", '{"\\ud83d":1}', ["\ufffd: 1"]],
    ["an unknown escape", '{"a":"x\\qy","b":1}', ["a: xqy", "b: 1"]],
    ["a short \\u", '{"a":"\\u12G4","b":"\\u"}', ["a: \ufffdG4", "b: \ufffd"]],
    ["a short \\u before an escape", '{"a":"\\u00\\n"}', ["a: \ufffd\n"]],
    ["all escapes", '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"}', ['a: "\\/\b\f\n\r\tA']],
    ["line ends in a string", '{"a":"x\r\ny\tz"}', ["a: x\r\ny\tz"]],
    ["line ends between tokens", '\r\n{\r\n"a"\r\n:\r\n1\r\n,\r\n"b":[\r\n]\r\n}\r\n', ["a: 1", "b: [\r\n]"]],
    ["a string that is cut off", '{"a":1,"b":"xy', ["a: 1", "b: xy"]],
    ["a string cut off in an escape", '{"a":"xy\\u00', ["a: xy"]],
    ["a string cut off in a pair", '{"a":"xy\\ud83d', ["a: xy\ufffd"]],
    ["a list that is cut off", '{"a":[1,{"b":"x', ['a: [1,{"b":"x']],
    ["a list cut off in a pair", '{"a":["x\ud83d', ['a: ["x\ud83d']],
    ["a number that is cut off", '{"a":12', ["a: 12"]],
    ["a key that is cut off", '{"a":12,"b', ["a: 12"]],
    ["a key without a value", '{"a":}', []],
    ["a word that is none", '{"a":nope,"b":1}', ["a: nope", "b: 1"]],
    ["no comma", '{"a":1 "b":2}', ["a: 1"]],
    ["no quotes", "{a:1}", []],
    ["a comma at the end", '{"a":1,}', ["a: 1"]],
    ["more after the object", '{"a":1} {"b":2}', ["a: 1"]],
    ["a list", '["a",{"b":1}]', []],
    ["a string", '"{\\"a\\":1}"', []],
    ["a key that occurs twice", '{"a":1,"a":"x"}', ["a: 1", "a: x"]],
    ["a key that prototypes have", '{"__proto__":"x","constructor":1}', ["__proto__: x", "constructor: 1"]],
    ["nothing", "", []]
  ] as const) {
    it(`AX-39 ${name} gives what there is`, () => {
      for (const pieces of [[text], units(text)]) {
        assert.deepStrictEqual(
          fields(pieces).map((field) => field.join(": ")),
          [...expected]
        )
      }
    })
  }

  it("AX-39 nothing throws, and cuts never matter", () => {
    const shreds = FastCheck.array(
      FastCheck.constantFrom(...'{}[]":,\\u0dDe8 \r\n1-.tfn', "\ud83d", "\ude00", '{"a":"', '","', '":'),
      { maxLength: 60 }
    ).map((all) => all.join(""))
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom("", '{"a":', '{"a":"'), shreds, places, (start, shred, at) => {
        const text = start + shred
        assert.deepStrictEqual(fields(cut(text, at)), fields([text]))
        assert.deepStrictEqual(fields(units(text)), fields([text]))
      }),
      { numRuns: 2000 }
    )
  })

  describe("cost", () => {
    /** How often a character is looked at. */
    const looks = (pieces: ReadonlyArray<string>): number => {
      const spy = vi.spyOn(String.prototype, "charCodeAt")
      try {
        const reader = PartialJson.makeFields()
        for (const piece of pieces) reader.push(piece)
        reader.end()
        return spy.mock.calls.length
      } finally {
        spy.mockRestore()
      }
    }
    const chunks = (text: string, size: number) =>
      Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size))
    const long = "ab\\n\\u00e9😀\\ud83d\\ude00\\q".repeat(1000)
    const raw = '[1, {"x": "y\\"]"}, -2.5, true],'.repeat(1000)

    for (const size of [1, 7, 1_000_000]) {
      it(`AX-39 each character is looked at once in pieces of ${size}`, () => {
        for (const text of [
          `{"a":"${long}"}`,
          `{"a":[${raw}1]}`,
          `{${'"a" : 1,'.repeat(1000)}"b":2}`,
          `{"a":"${long}`
        ]) {
          assert.strictEqual(looks(chunks(text, size)), text.length)
        }
      })
    }
  })
})
