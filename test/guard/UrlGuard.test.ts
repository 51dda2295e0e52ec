import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type * as Guard from "../../src/guard/Guard.ts"
import * as UrlGuard from "../../src/guard/UrlGuard.ts"
import * as Suites from "../../src/testing/Suites.ts"
import attempts from "../fixtures/guard/urls.json" with { type: "json" }
import * as Calls from "../support/calls.ts"

const callOf = (input: unknown, tool = "get"): Guard.Call => Calls.callOf(tool, input)

const options: UrlGuard.Options = {
  allow: [
    ...["good.example", "*.wide.example", "any.example:9000", "ports.example:*", "bücher.example"],
    ...["named.internal", "192.168.7.7:8080", "*.wideinternal.internal", "worse.example"]
  ],
  deny: ["bad.example", "*.worse.example"],
  tools: { fetch: ["address", "many.*.to"] }
}

const judge = (input: unknown, tool?: string, setup: UrlGuard.Options = options) =>
  Effect.flatMap(UrlGuard.make(setup), (guard) => guard.check(callOf(input, tool)))

/** Ways to write the four numbers of an address that parsers of URLs take for the same. */
const notations = (numbers: readonly [number, number, number, number]): ReadonlyArray<string> => {
  const [a, b, c, d] = numbers
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (value: number): string => value.toString(16).padStart(2, "0")
  return [
    `${a}.${b}.${c}.${d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${whole}`,
    `0x${whole.toString(16)}`,
    `0${whole.toString(8)}`,
    numbers.map((number) => `0x${number.toString(16)}`).join("."),
    numbers.map((number) => `0${number.toString(8)}`).join("."),
    `${a}.${b}.${c}.${d}.`,
    `[::ffff:${a}.${b}.${c}.${d}]`,
    `[::ffff:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
    `[64:ff9b::${a}.${b}.${c}.${d}]`,
    `[2002:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}::1]`
  ]
}

describe("UrlGuard", () => {
  it("attempts are at least sixty", () => assert.isAtLeast(attempts.length, 60))

  it.effect("AX-24 every attempt has the verdict of its line", () =>
    Effect.gen(function* () {
      for (const attempt of attempts) {
        const verdict = yield* judge(attempt.input, "tool" in attempt ? attempt.tool : undefined)
        const about = `${JSON.stringify(attempt)} got ${JSON.stringify(verdict)}`
        assert.strictEqual(verdict._tag, attempt.verdict, about)
        if ("category" in attempt && verdict._tag === "Ask") {
          assert.strictEqual(verdict.category ?? null, attempt.category, about)
        }
        if ("runs" in attempt && verdict._tag === "Rewrite") {
          assert.deepStrictEqual(verdict.input, { url: attempt.runs }, about)
        }
      }
    })
  )

  it.effect("a call that goes ahead is judged the same again", () =>
    Effect.gen(function* () {
      for (const attempt of attempts) {
        const tool = "tool" in attempt ? attempt.tool : undefined
        const verdict = yield* judge(attempt.input, tool)
        if (verdict._tag !== "Rewrite" && (verdict._tag !== "Ask" || verdict.input === undefined)) continue
        const again = yield* judge(verdict.input, tool)
        assert.strictEqual(again._tag, verdict._tag === "Rewrite" ? "Allow" : "Ask", JSON.stringify(attempt))
        assert.isFalse("input" in again)
      }
    })
  )

  const byte = FastCheck.integer({ min: 0, max: 255 })

  it.effect.prop(
    "private addresses are denied in every notation",
    [FastCheck.constantFrom([10], [127], [0], [192, 168], [169, 254], [172, 20], [100, 70]), byte, byte, byte],
    ([network, x, y, z]) =>
      Effect.gen(function* () {
        const [a = 0, b = x, c = y, d = z] = network
        for (const host of notations([a, b, c, d])) {
          assert.strictEqual((yield* judge({ url: `http://${host}/` }, "get", {}))._tag, "Deny", host)
        }
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect.prop("public addresses are asked about in every notation", [byte, byte, byte], ([x, y, z]) =>
    Effect.gen(function* () {
      // Carried in an address of the newer kind they would pass a list by another name.
      for (const host of notations([9, x, y, z]).filter((host) => !host.startsWith("["))) {
        const verdict = yield* judge({ url: `http://${host}/` }, "get", {})
        assert.strictEqual(verdict._tag, "Ask", host)
      }
    })
  )

  it.effect.prop(
    "no made-up URL goes ahead to another host",
    [
      FastCheck.array(
        FastCheck.constantFrom(
          ...[
            "https:",
            "http:",
            "/",
            "//",
            "\\",
            "@",
            ":",
            "?",
            "#",
            "%40",
            "%2e",
            ".",
            "good.example",
            "evil.example"
          ],
          ...["127.0.0.1", "[::1]", "localhost", "443", "\t", " ", "。", "／", "＠", "user", "\u00ad"]
        ),
        { maxLength: 10 }
      )
    ],
    ([parts]) =>
      Effect.gen(function* () {
        const url = `https://${parts.join("")}`
        const verdict = yield* judge({ url }, "get", { allow: ["good.example"] })
        if (verdict._tag !== "Allow" && verdict._tag !== "Rewrite") return
        const runs = verdict._tag === "Allow" ? url : String(Object(verdict.input)["url"])
        assert.match(runs, /^https:\/\/good\.example\.?(?:[/?#]|$)/, url)
      })
  )

  it.effect("a wildcard allows what is public only", () =>
    Effect.gen(function* () {
      const setup = { allow: ["*"] }
      const tags = ["https://anything.example/", "https://anything.example:81/", "http://10.0.0.1/", "http://intranet/"]
      assert.deepStrictEqual(
        (yield* Effect.forEach(tags, (url) => judge({ url }, "get", setup))).map(({ _tag }) => _tag),
        ["Allow", "Ask", "Deny", "Deny"]
      )
    })
  )

  it.effect("other schemes can be opened", () =>
    Effect.gen(function* () {
      const setup = { allow: ["good.example"], schemes: ["wss:"] }
      const tags = ["wss://good.example/", "https://good.example/", "wss://127.0.0.1/", "good.example"]
      assert.deepStrictEqual(
        (yield* Effect.forEach(tags, (url) => judge({ url }, "get", setup))).map(({ _tag }) => _tag),
        ["Allow", "Deny", "Deny", "Deny"]
      )
    })
  )

  it.effect("a scheme that is none fails, and says what one is like", () =>
    Effect.gen(function* () {
      for (const scheme of ["https://", "", " ", "*", "https, http", "1a", "ht tp"]) {
        const error = yield* Effect.flip(UrlGuard.make({ schemes: [scheme] }))
        assert.include(error.message, `${JSON.stringify(scheme)}: a scheme is like https`)
      }
      const guard = yield* UrlGuard.make({ schemes: ["HTTPS:", "git+ssh"], allow: ["*"] })
      assert.strictEqual((yield* guard.check(callOf({ url: "https://example.com/" })))._tag, "Allow")
    })
  )

  it.effect("a host that is none fails, and says why", () =>
    Effect.gen(function* () {
      for (const host of [
        "",
        "*.",
        "a b",
        "https://good.example",
        "good.example/x",
        "a@b",
        "x:99999",
        "*.*.x",
        "256.1.1.1"
      ]) {
        const error = yield* Effect.flip(UrlGuard.make({ allow: [host] }))
        assert.include(error.message, JSON.stringify(host))
      }
    })
  )
})

Suites.guard("urls", UrlGuard.layer(options), {
  allowed: [
    callOf({ url: "https://good.example/" }),
    callOf({ url: "good.example" }),
    callOf({ address: "" }, "other")
  ],
  asked: [callOf({ url: "https://evil.example" })],
  denied: [callOf({ url: "http://2130706433/" }), callOf({ address: "localhost" }, "fetch")]
})
