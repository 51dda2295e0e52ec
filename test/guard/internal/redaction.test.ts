import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { Find } from "../../../src/guard/internal/redaction.ts"
import * as Redaction from "../../../src/guard/internal/redaction.ts"

const all = [
  { name: "email", find: Redaction.emails },
  { name: "card", find: Redaction.cards },
  { name: "key", find: Redaction.keys }
]

const hide = (text: string): string => Redaction.hide(text, all)

/** What a finder finds, as text. */
const found = (find: Find, text: string): ReadonlyArray<string> =>
  find(text).map(({ from, to }) => text.slice(from, to))

const finds = (find: Find, texts: ReadonlyArray<string>): void => {
  for (const text of texts) assert.deepStrictEqual(found(find, `So (${text}), then.`), [text])
}

const misses = (find: Find, texts: ReadonlyArray<string>): void => {
  for (const text of texts) assert.deepStrictEqual(found(find, text), [], text)
}

/** The digits with the check digit that makes them a card's. */
const checked = (digits: string): string =>
  Array.from("0123456789", (digit) => digits + digit).find((number) => Redaction.cards(number).length === 1) ?? ""

const card = FastCheck.tuple(
  FastCheck.constantFrom("2", "3", "4", "5", "6", "81"),
  FastCheck.stringMatching(/^[0-9]{13}$/),
  FastCheck.constantFrom("", " ", "-", "\u00a0", "\u2011"),
  FastCheck.constantFrom(0x30, 0x660, 0xff10),
  FastCheck.integer({ min: 1, max: 5 })
).map(([start, digits, sign, zero, every]) =>
  Array.from(checked(start + digits), (digit, index) => {
    const written = String.fromCharCode(zero + Number(digit))
    return index > 0 && index % every === 0 ? sign + written : written
  }).join("")
)

const email = FastCheck.tuple(
  FastCheck.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,20}$/),
  FastCheck.stringMatching(/^[a-z0-9]{1,10}$/),
  FastCheck.constantFrom("com", "co.uk", "museum", "xn--p1ai")
).map(([local, domain, top]) => `${local}@${domain}.${top}`)

const key = FastCheck.tuple(
  FastCheck.constantFrom("sk-", "ghp_", "npm_", "xoxb-", "eyJhbGciOi.", "Bearer "),
  FastCheck.stringMatching(/^[A-Za-z0-9]{24}$/)
).map(([start, rest]) => (start === "eyJhbGciOi." ? `${start}${rest}.${rest}` : `${start}${rest}7`))

const prose = FastCheck.string({
  unit: FastCheck.constantFrom("a", "Z", " ", "\n", "é", "😀", "文", ".", ",", "(", "1", "@", "-")
})

/** The properties of Unicode are asked of a text, so that half a character shows. */
const halves = /\p{Cs}/u

describe("redaction", () => {
  describe("emails", () => {
    it("finds addresses", () => {
      finds(Redaction.emails, [
        ...[
          "ann@example.com",
          "a.b+c_d@mail.example.co.uk",
          "o'neil@x.io",
          "x@a-b.museum",
          "user@xn--e1afmkfd.xn--p1ai"
        ],
        ...["jörg@müller.de", "почта@пример.рф", "UPPER@EXAMPLE.ORG", `${"l".repeat(80)}@example.com`]
      ])
      assert.deepStrictEqual(found(Redaction.emails, "mailto:a@b.de,c@d.fr;<e@f.it>."), ["a@b.de", "c@d.fr", "e@f.it"])
      assert.deepStrictEqual(
        found(Redaction.emails, "我的邮箱是a@b.com请联系, a@b.com-x, a@b.com."),
        Array(3).fill("a@b.com")
      )
    })

    it("leaves what is none", () => {
      misses(Redaction.emails, [
        "@ann",
        "a@b",
        "ann at example.com",
        "@effect/platform@0.97",
        "a@b.1",
        "a @ b.com",
        "@@@"
      ])
    })
  })

  describe("cards", () => {
    it("finds numbers of cards", () => {
      finds(Redaction.cards, [
        ...["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "3400 000000 00009", "30000000000004"],
        ...[
          "6011\u00a00000\u00a00000\u00a00004",
          "2223003122003222",
          "４１１１１１１１１１１１１１１１",
          "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"
        ]
      ])
      assert.deepStrictEqual(found(Redaction.cards, "order 12 4111 1111 1111 1111 35"), ["4111 1111 1111 1111"])
      assert.deepStrictEqual(found(Redaction.cards, "4111111111111111,5500000000000004\n340000000000009").length, 3)
    })

    it("leaves other numbers", () => {
      misses(Redaction.cards, [
        ...["4111111111111112", "1700000000000", "0.4111111111111111", "41111111111111111111111", "+49 170 1234567"],
        ...["2026-11-21 18:30:00", "123 456 789", "550e8400-e29b-41d4-a716-446655440000"]
      ])
    })

    it.prop(
      "a number with its check digit is found, one with another is not",
      [FastCheck.stringMatching(/^4[0-9]{14}$/)],
      ([digits]) => {
        const numbers = Array.from("0123456789", (digit) => digits + digit)
        assert.lengthOf(
          numbers.filter((number) => Redaction.cards(number).length > 0),
          1
        )
      }
    )
  })

  describe("keys", () => {
    const body = "Ab3".repeat(12)

    it("finds secrets with a form", () => {
      finds(Redaction.keys, [
        ...[`sk-${body}`, `sk-proj-${body}`, `sk_live_${body}`, `ghp_${body}`, `github_pat_${body}`, `glpat-${body}`],
        ...[
          "AKIAIOSFODNN7EXAMPLE",
          `AIza${body}`,
          "xoxb-1234567890-abcdef",
          `eyJ${body}.eyJ${body}.${body}`,
          `npm_${body}`
        ],
        ...[`-----BEGIN RSA PRIVATE KEY-----\n${body}\n-----END RSA PRIVATE KEY-----`]
      ])
      assert.deepStrictEqual(found(Redaction.keys, `Authorization: Bearer ${body}==`), [`${body}==`])
    })

    it("a private key without its end goes to the end", () => {
      const start = "-----BEGIN PRIVATE KEY-----\n"
      assert.strictEqual(hide(`a ${start}${body}`), "a [redacted key]")
      assert.strictEqual(hide(`a ${start}----------${body}`), "a [redacted key]")
      assert.strictEqual(hide(`${start}x\n-----END PRIVATE KEY----- b ${start}y`), "[redacted key] b [redacted key]")
    })

    it("leaves other words", () => {
      misses(Redaction.keys, [
        ...[
          "sk-learn",
          "task-internationalization-of-everything",
          "sk-this-is-just-a-long-name",
          "basic internationalization"
        ],
        ...[
          "npm_config",
          "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
          "eyJ.eyJ",
          "the bearer of this letter"
        ]
      ])
    })
  })

  describe("hide", () => {
    it.prop(
      "what is planted is gone, what is around it stays",
      [prose, FastCheck.oneof(card, email, key), prose],
      ([before, secret, after]) => {
        const [left, right] = [`${before.replace(/[@1]/g, "")} | `, ` | ${after.replace(/[@1]/g, "")}`]
        const hidden = hide(left + secret + right)
        assert.match(hidden, /\[redacted (card|email|key)\]/)
        assert.isTrue(hidden.startsWith(left) && hidden.endsWith(right), hidden)
        assert.notInclude(hidden, secret)
      }
    )

    it.prop("to hide again changes nothing", [FastCheck.array(FastCheck.oneof(prose, card, email, key))], ([texts]) => {
      const once = hide(texts.join(" "))
      assert.strictEqual(hide(once), once)
    })

    it.prop(
      "no character is halved, not even by a pattern that does",
      [FastCheck.array(FastCheck.oneof(prose, card, email, key))],
      ([texts]) => {
        const halving = { name: "half", find: Redaction.matching(/\ude00/) }
        const text = texts.join("😀")
        assert.notMatch(hide(text), halves)
        assert.notMatch(Redaction.hide(text, [halving, ...all]), halves)
        assert.notInclude(Redaction.hide(text, [halving]), "😀")
      }
    )

    it("places that overlap become one", () => {
      const [one, two] = [Redaction.matching(/bcd/), Redaction.matching(/d+e|b/y)]
      const kinds = [
        { name: "two", find: two },
        { name: "one", find: one }
      ]
      assert.strictEqual(Redaction.hide("abcddef bcd", kinds), "a[redacted one]f [redacted one]")
      assert.strictEqual(Redaction.hide("abc", [{ name: "nothing", find: Redaction.matching(/x*/) }]), "abc")
    })
  })

  it("no text is slow: what grows with the square does not end here", () => {
    const fillers = [
      ...["a", "@", "a@", "a@a.", "a.", "@a.a.", "1", "1 ", "4-", "41 ", "4111111111111111 ", "12.", "x@1"],
      ...["sk-", "sk-1", "-sk-", "eyJ", "eyJa.", "eyJa.b ", "bearer ", "SG.", "Bearer a/", "-", "- ", "-----BEGIN "],
      ...["-----BEGIN PRIVATE KEY-----", "-----END ", "-----BEGIN PRIVATE KEY----------END ", "a@xn--", "a@b-", "😀"]
    ]
    for (const filler of fillers) hide(filler.repeat(300_000 / filler.length))
  })
})
