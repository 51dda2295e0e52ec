import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import manifest from "../../package.json" with { type: "json" }
import { version } from "../../src/internal/version.ts"
import * as Manifest from "../../src/plugin/internal/manifest.ts"
import * as Settings from "../../src/plugin/internal/settings.ts"

const read = <A>(config: Config.Config<A>, section: unknown, environment: Readonly<Record<string, string>> = {}) => {
  const outer = ConfigProvider.fromMap(new Map(Object.entries(environment)))
  return Settings.read(config, { id: "tides", section, outer })
}

const all = Config.all({
  station: Config.string("stationName"),
  draught: Config.withDefault(Config.number("draught"), 2),
  ports: Config.withDefault(Config.array(Config.string(), "ports"), ["none"]),
  url: Config.nested(Config.string("url"), "server")
})

describe("settings", () => {
  it.effect("variables count before the section, key by key", () =>
    Effect.gen(function* () {
      const section = { stationName: "Husum", draught: 3, ports: ["a", "b"], server: { url: "http://one" } }
      assert.deepStrictEqual(yield* read(all, section), {
        ...{ station: "Husum", draught: 3, ports: ["a", "b"], url: "http://one" }
      })
      const environment = {
        ...{ AXONAL_TIDES_STATION_NAME: "Emden", AXONAL_TIDES_PORTS: "x,y,z", AXONAL_TIDES_DRAUGHT: "" },
        AXONAL_TIDES_SERVER_URL: "http://two"
      }
      assert.deepStrictEqual(yield* read(all, section, environment), {
        ...{ station: "Emden", draught: 3, ports: ["x", "y", "z"], url: "http://two" }
      })
    })
  )

  it.effect("every setting that is wrong is told with its variable", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.flip(read(all, { draught: "deep" })), [
        { key: "stationName", variable: "AXONAL_TIDES_STATION_NAME", expected: "it is missing" },
        {
          ...{ key: "draught", variable: "AXONAL_TIDES_DRAUGHT" },
          expected: 'Expected a number value but received "[value]"'
        },
        { key: "server.url", variable: "AXONAL_TIDES_SERVER_URL", expected: "it is missing" }
      ])
    })
  )

  it.effect.prop(
    "no value is ever told, whatever reads it and wherever it is",
    [FastCheck.string({ minLength: 4, maxLength: 30 }).map((text) => `x${text.trim()}~`), FastCheck.boolean()],
    ([secret, isFiled]) =>
      Effect.gen(function* () {
        const configs = [
          ignoring(Config.number("key")),
          ignoring(Config.redacted(Config.integer("key"))),
          ignoring(Schema.Config("key", Schema.Redacted(Schema.NumberFromString))),
          ignoring(Schema.Config("key", Schema.Literal("on", "off"))),
          ignoring(Config.mapOrFail(Config.string("key"), refuse))
        ]
        for (const config of configs) {
          const reading = isFiled ? read(config, { key: secret }) : read(config, {}, { AXONAL_TIDES_KEY: secret })
          const [wrong] = yield* Effect.flip(reading)
          assert.notInclude(wrong?.expected ?? "", secret)
          assert.notInclude(wrong?.expected ?? "", JSON.stringify(secret).slice(1, -1))
        }
        const redacted = yield* read(Config.redacted("key"), { key: secret })
        assert.strictEqual(Redacted.value(redacted), secret)
      }),
    { fastCheck: { numRuns: 15 } }
  )
})

describe("manifest", () => {
  it("the version that plugins are held against is the package's", () => {
    assert.strictEqual(version, manifest.version)
  })

  it("names lose what they have in common", () => {
    const names = [
      "axonal-plugin-tides",
      "axonal-tides",
      "tides",
      "tides-axonal-plugin",
      "@acme/axonal-tides",
      "axonal-"
    ]
    assert.deepStrictEqual(names.map(Manifest.idOf), ["tides", "tides", "tides", "tides", "acme-tides", "axonal-"])
  })

  it("paths stand alone, in lists and in records", () => {
    const contributions = (axonal: unknown, axonalRange = "^0.1.0") => {
      const text = JSON.stringify({ version: "2.0.0", axonal, peerDependencies: { axonal: axonalRange } })
      const read = Manifest.read("tides", `\uFEFF${text}`, { axonal: "0.1.3-beta.1", effect: "3.22.4" })
      return read._tag === "Right" ? read.right?.contributions : read.left.reason
    }
    const of = (name: string, module: string, exported = "default") => ({
      kind: "tools" as const,
      name,
      module,
      exported
    })
    assert.deepStrictEqual(contributions({ tools: "./a.js" }), [of("tides", "./a.js")])
    assert.deepStrictEqual(contributions({ version: 1, tools: ["./x/a.js", "./b.mjs#low"] }), [
      of("a", "./x/a.js"),
      of("low", "./b.mjs", "low")
    ])
    assert.deepStrictEqual(contributions({ tools: { ebb: "./a.js#low" } }), [of("ebb", "./a.js", "low")])
    for (const range of ["*", "workspace:^", "workspace:*", ">=0.1.0 <1"]) {
      assert.isArray(contributions({ tools: "./a.js" }, range), range)
    }
    assert.strictEqual(contributions({ tools: "./a.js" }, "0.0.x"), "WrongVersion")
  })
})

const ignoring = <A>(config: Config.Config<A>): Config.Config<void> => Config.map(config, () => undefined)

const refuse = (text: string) => Either.left(ConfigError.InvalidData(["key"], `cannot use "${text}"`))
