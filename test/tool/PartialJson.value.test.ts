import { assert, describe, it, vi } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as PartialJson from "../../src/tool/PartialJson.ts"

const units = (text: string): ReadonlyArray<string> => text.split("")
const cut = (text: string, places: ReadonlyArray<number>): ReadonlyArray<string> => {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((to, index) => text.slice(at[index], to))
}
const places = FastCheck.array(FastCheck.nat(), { maxLength: 12 })
const anyJson = FastCheck.oneof(
  FastCheck.json({ maxDepth: 4, stringUnit: "binary" }),
  FastCheck.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, null, "\t").replaceAll("\n", "\r\n")),
  FastCheck.jsonValue({ maxDepth: 3, stringUnit: "grapheme" }).map((value) =>
    JSON.stringify(value).replace(/[^\x20-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
  )
)

const read = (pieces: Iterable<string>, options?: PartialJson.ValueOptions) => {
  const reader = PartialJson.makeValue(options)
  const values: Array<unknown> = []
  for (const piece of pieces) if (reader.push(piece)) values.push(reader.value)
  if (reader.end()) values.push(reader.value)
  return { values, value: reader.value, state: reader.state }
}

/** A value that JSON.parse gives, `undefined` if none. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The largest prefix by trying: cuts the text until it can be closed. Slow, and shares nothing with what it checks.
 * `undefined` if there is none.
 */
const largest = (text: string): unknown => {
  for (let end = text.length; end > 0; end--) {
    const part = text.slice(0, end)
    const closers: Array<string> = []
    let quoted = false
    for (let index = 0; index < end; index++) {
      const char = part[index]
      if (quoted) {
        if (char === "\\") index++
        else if (char === '"') quoted = false
      } else if (char === '"') quoted = true
      else if (char === "{" || char === "[") closers.unshift(char === "{" ? "}" : "]")
      else if (char === "}" || char === "]") closers.shift()
    }
    const halfPair = quoted && /[\ud800-\udbff]$|(^|[^\\])(\\\\)*\\u[dD][89abAB][\da-fA-F]{2}$/.test(part)
    const halfNumber = !quoted && /\d$/.test(part) && !/^[^\d.eE+-]/.test(text.slice(end))
    const value = halfPair || halfNumber ? undefined : parsed(`${part}${quoted ? '"' : ""}${closers.join("")}`)
    if (value !== undefined) return value
  }
  return undefined
}

describe("PartialJson.makeValue", () => {
  it("every prefix gives the largest value that it begins with", () => {
    FastCheck.assert(
      FastCheck.property(
        anyJson.filter(({ length }) => length < 150),
        (text) => {
          const reader = PartialJson.makeValue()
          for (let index = 0; index < text.length; index++) {
            reader.push(text.charAt(index))
            assert.deepStrictEqual(reader.value, largest(text.slice(0, index + 1)))
          }
          reader.end()
          assert.deepStrictEqual(reader.value, JSON.parse(text))
          assert.strictEqual(reader.state, "done")
        }
      ),
      { numRuns: 200 }
    )
  })

  it("the values are told one by one", () => {
    const { values } = read(units('{"a":"xy","b":[1,20,{"c":null}],"d":{}}'))
    assert.deepStrictEqual(values, [
      {},
      { a: "" },
      { a: "x" },
      { a: "xy" },
      { a: "xy", b: [] },
      { a: "xy", b: [1] },
      { a: "xy", b: [1, 20] },
      { a: "xy", b: [1, 20, {}] },
      { a: "xy", b: [1, 20, { c: null }] },
      { a: "xy", b: [1, 20, { c: null }], d: {} }
    ])
  })

  it("a cut anywhere gives the same value in the end", () => {
    FastCheck.assert(
      FastCheck.property(anyJson, places, (text, at) => {
        const { values, value, state } = read(cut(text, at))
        assert.deepStrictEqual([value, state], [JSON.parse(text), "done"])
        assert.deepStrictEqual(values.at(-1), value)
      }),
      { numRuns: 200 }
    )
  })

  it("no snapshot equals the one before, and none changes later", () => {
    FastCheck.assert(
      FastCheck.property(anyJson, places, (text, at) => {
        const reader = PartialJson.makeValue()
        const seen: Array<readonly [value: unknown, then: string]> = []
        for (const piece of [...cut(text, at), ""]) {
          if (reader.push(piece)) seen.push([reader.value, JSON.stringify(reader.value)])
          assert.isFalse(reader.push(""), "nothing new without more text")
        }
        if (reader.end()) seen.push([reader.value, JSON.stringify(reader.value)])
        for (const [value, then] of seen) assert.strictEqual(JSON.stringify(value), then)
        for (const [index, [, then]] of seen.entries()) assert.notStrictEqual(then, seen[index - 1]?.[1])
      }),
      { numRuns: 200 }
    )
  })

  it("what is finished is shared between snapshots", () => {
    const reader = PartialJson.makeValue()
    const at = (key: string): unknown => Object.entries(Object(reader.value)).find(([name]) => name === key)?.[1]
    reader.push('{"a":[1,{"b":2}],"c":"x')
    const first = at("a")
    assert.deepStrictEqual(first, [1, { b: 2 }])
    reader.push('y","d":[')
    assert.strictEqual(at("a"), first)
    assert.strictEqual(at("c"), "xy")
  })

  it("it takes and refuses what JSON.parse does", () => {
    const shreds = FastCheck.array(
      FastCheck.constantFrom(
        ...'{}[]":,\\u0e8 \r\n\t1-.+',
        "true",
        "null",
        "\ud83d",
        '{"a":',
        '"x"',
        "\u0001",
        "\u00a0"
      ),
      { maxLength: 12 }
    ).map((all) => all.join(""))
    const spoiled = FastCheck.tuple(anyJson, FastCheck.nat(), FastCheck.constantFrom(...'{}[]":,\\ 01e-\n', "")).map(
      ([text, at, more]) => text.slice(0, at % (text.length + 1)) + more + text.slice((at % (text.length + 1)) + 1)
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(shreds, spoiled), places, (text, at) => {
        const whole = parsed(text)
        for (const pieces of [[text], units(text), cut(text, at)]) {
          const { value, state } = read(pieces)
          assert.strictEqual(state === "done", whole !== undefined)
          if (whole !== undefined) assert.deepStrictEqual(value, whole)
        }
        assert.strictEqual(read(units(text)).state, read([text]).state)
        assert.deepStrictEqual(read(cut(text, at)).value, read([text]).value)
      }),
      { numRuns: 2000 }
    )
  })

  for (const [text, value, state] of [
    ["", undefined, "open"],
    [" ", undefined, "open"],
    ["tru", undefined, "open"],
    ["-", undefined, "broken"],
    ["12", 12, "done"],
    ["12 ", 12, "done"],
    ["[12", [], "open"],
    ["[1,-0", [1], "open"],
    ["[1,]", [1], "broken"],
    ['["x\ny"]', ["x"], "broken"],
    ['["x\\q', ["x"], "broken"],
    ['{"a":1}x', { a: 1 }, "broken"],
    ['{"a":1,"a":[2', { a: [] }, "open"],
    ['{"a', {}, "open"],
    ['"\\ud83d', "", "open"],
    ['"\\ud83d"', "\ud83d", "done"]
  ] as const) {
    it(`${JSON.stringify(text)} is ${state}`, () => {
      for (const pieces of [[text], units(text)]) {
        const { value: last, state: end } = read(pieces)
        assert.deepStrictEqual([last, end], [value, state])
      }
    })
  }

  it("a key that prototypes have is a key", () => {
    const { value } = read(units('{"__proto__":{"x":[1]},"constructor":2}'))
    assert.strictEqual(JSON.stringify(value), '{"__proto__":{"x":[1]},"constructor":2}')
    assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
  })

  describe("cost", () => {
    const list = JSON.stringify(Array.from({ length: 3000 }, (_, index) => ({ index, name: `n ${index}`, ok: [] })))
    const pieces = Array.from({ length: Math.ceil(list.length / 4) }, (_, at) => list.slice(at * 4, at * 4 + 4))

    it("AX-39 each character is looked at once", () => {
      const spy = vi.spyOn(String.prototype, "charCodeAt")
      try {
        read(pieces)
        assert.strictEqual(spy.mock.calls.length, list.length)
      } finally {
        spy.mockRestore()
      }
    })

    it("the snapshots together copy no more than the text pays for", () => {
      const { values } = read(pieces)
      // The root is copied each time. Objects in it have three entries at the most.
      const copied = values.reduce<number>((sum, value) => sum + (Array.isArray(value) ? value.length : 0), 0)
      assert.isAtMost(copied, 16 * list.length + 1024)
      assert.isAbove(values.length, 500)
      assert.deepStrictEqual(values.at(-1), JSON.parse(list))
    })

    it("only what is open is paid for", () => {
      const reader = PartialJson.makeValue()
      reader.push(`{"a":[${"1,".repeat(5000)}0],"b":"`)
      assert.deepStrictEqual(Object.keys(Object(reader.value)), ["a", "b"])
      for (const letter of "each one".repeat(20)) assert.isTrue(reader.push(letter) && reader.value !== undefined)
    })

    it("ten thousand open lists are no trouble", () => {
      const { value, state, values } = read(units("[".repeat(10_000)))
      assert.isTrue(Array.isArray(value))
      assert.strictEqual(state, "open")
      assert.isAtMost(values.length, 10_000)
    })
  })
})

describe("PartialJson fences", () => {
  const fences: ReadonlyArray<readonly [opening: string, closing: string]> = [
    ["```json\n", "\n```"],
    [" \r\n ```json\r\n", "\r\n```\r\n"],
    ["```\n", "\n```\nThat was `it`:\n```\nmore\n```"],
    ["````json \n", "\n````"],
    ["```json ", " ```"],
    ["```json\n", "```"],
    ["```json\n", ""],
    ["\n  ", "\n"],
    ["", ""]
  ]

  it("a fence is left out, however it is cut", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...fences),
        FastCheck.oneof(anyJson, FastCheck.constantFrom('{"a":"```\\n```","b":"`"}', "-12.5", "[12]", '"x"', "true")),
        places,
        ([opening, closing], json, at) => {
          const text = opening + json + closing
          assert.deepStrictEqual(JSON.parse(PartialJson.withoutFence(text)), JSON.parse(json))
          for (const pieces of [units(text), cut(text, at), [text]]) {
            const { value, state } = read(pieces, { fenced: true })
            assert.deepStrictEqual([value, state], [JSON.parse(json), "done"])
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  for (const text of [
    "``{}",
    "`{}`",
    "``` json {}",
    "```json```",
    '```json\n{"a":\n```',
    "Here: {}",
    "```json\n{} x"
  ]) {
    it(`${JSON.stringify(text)} is no JSON in a fence`, () => {
      for (const pieces of [units(text), [text]]) assert.strictEqual(read(pieces, { fenced: true }).state, "broken")
      assert.isUndefined(parsed(PartialJson.withoutFence(text)))
    })
  }

  it("without the option a fence is no JSON", () => {
    assert.deepStrictEqual(read(["```json\n{}\n```"]), { values: [], value: undefined, state: "broken" })
  })

  it("a text without a fence stays as it is", () => {
    for (const text of ["", '{"a":"```"}', "x ```json\n{}\n```"])
      assert.strictEqual(PartialJson.withoutFence(text), text)
  })
})
