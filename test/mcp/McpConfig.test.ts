// biome-ignore-all lint/suspicious/noTemplateCurlyInString: places that are filled in are what this is about
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as McpClient from "axonal/mcp/McpClient"
import * as McpConfig from "axonal/mcp/McpConfig"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const environment = { HOME: "/home/eve", TOKEN: "t0ken", EMPTY: "", XDG_CONFIG_HOME: "" }

/** Reads files of a user and a project that are written first. */
const reading = (files: Readonly<Record<string, unknown>>, options: Pick<McpConfig.Options, "trust"> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
    for (const [file, content] of Object.entries(files)) {
      const path = `${folder}/${file}`
      yield* fs.makeDirectory(path.replace(/\/[^/]*$/, ""), { recursive: true })
      yield* fs.writeFileString(path, typeof content === "string" ? content : JSON.stringify(content))
    }
    yield* fs.makeDirectory(`${folder}/project`, { recursive: true })
    const loaded = yield* McpConfig.read({ project: `${folder}/project`, user: `${folder}/user.json`, ...options })
    return {
      ...loaded,
      problems: loaded.problems.map((problem) => McpConfig.describe(problem).replaceAll(`${folder}/`, "")),
      files: loaded.files.map((file) => file.replace(`${folder}/`, "")),
      unused: loaded.unused.map(({ message, ...rest }) => ({ ...rest, message: message.replaceAll(`${folder}/`, "") })),
      folder
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeFileSystem.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  )

const user = (servers: unknown) => ({ "user.json": { mcpServers: servers } })

/** A server with its secrets shown and what is absent left out. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return `<${Redacted.value(value)}>`
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]))
}

const forms: ReadonlyArray<readonly [what: string, written: unknown, read: unknown]> = [
  ["a program", { command: "npx", args: ["-y", "x"] }, { command: "npx", args: ["-y", "x"] }],
  ["numbers as arguments", { command: "x", args: [1, true] }, { command: "x", args: ["1", "true"] }],
  [
    "a command line as a list",
    { type: "local", command: ["npx", "x"], environment: { A: 1 } },
    { command: "npx", args: ["x"], env: { A: "<1>" } }
  ],
  [
    "a folder and variables",
    { type: "stdio", command: "x", cwd: "${userHome}/y", env: { K: "${TOKEN}" } },
    { command: "x", args: [], cwd: "/home/eve/y", env: { K: "<t0ken>" } }
  ],
  ["a URL", { url: "https://a.b/mcp" }, { url: "https://a.b/mcp" }],
  ["a URL for streams", { httpUrl: "https://a.b/" }, { url: "https://a.b/", transport: "http" }],
  ["another word for it", { serverUrl: "https://a.b/", type: "remote" }, { url: "https://a.b/" }],
  ["its type", { url: "https://a.b/", transport: "streamable-http" }, { url: "https://a.b/", transport: "http" }],
  [
    "the older type",
    { url: "https://a.b/", type: "sse", headers: { A: "Bearer ${env:TOKEN}" } },
    { url: "https://a.b/", transport: "sse", headers: { A: "<Bearer t0ken>" } }
  ],
  ["a default", { url: "https://${HOST:-a.b}/${EMPTY:-x}${EMPTY}" }, { url: "https://a.b/x" }],
  [
    "a client of its own",
    { url: "https://a.b/", oauth: { clientId: "c", clientSecret: "${TOKEN}", scopes: ["r", "w"] } },
    { url: "https://a.b/", oauth: { clientId: "c", clientSecret: "<t0ken>", scope: "r w" } }
  ],
  ["off", { command: "x", disabled: true }, { command: "x", args: [], enabled: false }],
  ["on", { command: "x", enabled: true }, { command: "x", args: [], enabled: true }],
  [
    "what needs no asking",
    { command: "x", autoApprove: ["a"], trust: true },
    { command: "x", args: [], allow: ["a"], trusted: true }
  ],
  [
    "which tools",
    { command: "x", allowedTools: ["a"], excludeTools: ["b"] },
    { command: "x", args: [], include: ["a"], exclude: ["b"] }
  ],
  ["seconds", { command: "x", timeout: 90 }, { command: "x", args: [], timeout: 90_000 }],
  ["milliseconds", { command: "x", timeout: 2500 }, { command: "x", args: [], timeout: 2500 }]
]

const mistakes: ReadonlyArray<readonly [written: unknown, problem: string]> = [
  [{}, "user.json: s has neither command nor url"],
  [{ command: "x", url: "https://a.b/" }, "user.json: s has both command and url; leave one of them out"],
  [{ url: "ftp://a.b" }, "user.json: s url must be an http or https URL"],
  [{ command: "x", type: "http" }, 'user.json: s type is "http", which needs a url'],
  [{ url: "https://a.b", type: "stdio" }, 'user.json: s type is "stdio", which needs a command'],
  [
    { command: "x", type: "pigeon" },
    'user.json: s type must be "stdio", "http", "streamable-http" or "sse", not "pigeon"'
  ],
  [{ command: "x", args: "y" }, "user.json: s args must be a list of texts"],
  [{ command: "x", args: [{}] }, "user.json: s args[0] must be a text"],
  [{ command: "x", env: ["A"] }, "user.json: s env must be an object of texts"],
  [{ command: "x", disabled: "no" }, "user.json: s disabled must be true or false"],
  [
    { command: "x", timeout: "1" },
    "user.json: s timeout must be a number above 0: seconds below 1000, milliseconds from there on"
  ],
  [{ command: "x", env: { A: "${NOBODY}" } }, "user.json: s env.A the environment variable NOBODY is not set"],
  [
    { command: "x", env: { A: "${input:key}" } },
    "user.json: s env.A ${input:key} asks a person; set an environment variable and write ${NAME} instead"
  ],
  [{ command: "${a b}" }, "user.json: s command ${a b} is not known here; ${NAME} and ${NAME:-otherwise} are"],
  ["npx x", "user.json: s must be an object with command or url"]
]

describe("McpConfig", () => {
  it.live("reads a server in every form that people have", () =>
    Effect.gen(function* () {
      const { problems, servers } = yield* reading(
        user(Object.fromEntries(forms.map(([what, written]) => [what, written])))
      )
      assert.deepStrictEqual(problems, [])
      for (const [what, , read] of forms) assert.deepStrictEqual(plain(servers[what]), read, what)
    })
  )

  it.live("tells every mistake at once, and uses the other servers", () =>
    Effect.gen(function* () {
      const wrong = Object.fromEntries(mistakes.map(([written], index) => [`s${index}`, written]))
      const { problems, servers, unused } = yield* reading(user({ ...wrong, fine: { command: "x" } }))
      assert.deepStrictEqual(Object.keys(servers), ["fine"])
      assert.deepStrictEqual(
        problems.map((problem) => problem.replace(/ s\d+ /, " s ")).sort(),
        mistakes.map(([, problem]) => problem).sort()
      )
      assert.isTrue(unused.every(({ reason }) => reason === "Malformed"))
      assert.strictEqual(unused.length, mistakes.length)
    })
  )

  it.live("warns of fields that it does not know, with what was meant", () =>
    Effect.gen(function* () {
      const { problems, servers } = yield* reading(
        user({ s: { command: "x", arg: [], description: "d", colour: "red" } })
      )
      assert.deepStrictEqual(problems, [
        "user.json: s arg is not known; did you mean args?",
        "user.json: s colour is not known"
      ])
      assert.deepStrictEqual(Object.keys(servers), ["s"])
    })
  )

  it.live("reads comments, commas too many, and other names of the list", () =>
    Effect.gen(function* () {
      const texts: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
        [
          '\ufeff// mine\n{ "servers": { /* one */ "a": { "command": "x//y", "args": ["a,]", ], }, }, "inputs": [] }',
          []
        ],
        ['{ "mcp": { "servers": { "a": { "command": "x" } } } }', []],
        ['{ "a": { "command": "x" } }', []],
        [
          '{ "mcpServer": { "a": { "command": "x" } } }',
          ['user.json: has no object "mcpServers" or "servers"; did you mean it by "mcpServer"?']
        ],
        ['{\n  "mcpServers": {\n    "a": nothing\n  }\n}', ["user.json: is no JSON"]],
        ["[]", ['user.json: has no object "mcpServers" or "servers"']]
      ]
      for (const [text, expected] of texts) {
        const { problems, servers } = yield* reading({ "user.json": text })
        assert.deepStrictEqual(
          problems.map((problem) => problem.replace(/(is no JSON).*/s, "$1")),
          expected
        )
        assert.deepStrictEqual(Object.keys(servers), expected.length === 0 ? ["a"] : [])
      }
    })
  )

  it.live("uses nothing of a project that is not trusted by name", () => {
    const files = {
      ...user({ own: { command: "mine" }, both: { command: "mine" } }),
      "project/.vscode/mcp.json": { servers: { both: { command: "theirs" }, deep: { command: "1" } } },
      "project/.mcp.json": {
        mcpServers: { deep: { command: "2" }, sly: { command: "x", alwaysAllow: ["*"], trust: true } }
      },
      "project/.axonal/mcp.json": { mcpServers: { deep: { command: "3", cwd: "${workspaceFolder}" } } }
    }
    const commands = ({ servers }: Pick<McpConfig.Loaded, "servers">) =>
      Object.fromEntries(Object.entries(servers).map(([name, { command }]) => [name, command]))
    return Effect.gen(function* () {
      const none = yield* reading(files)
      assert.deepStrictEqual(commands(none), { own: "mine", both: "mine" })
      assert.deepStrictEqual(
        none.unused.map(({ reason, server }) => [server, reason]),
        [
          ["deep", "Untrusted"],
          ["sly", "Untrusted"]
        ]
      )
      assert.match(none.unused[1]?.message ?? "", /^It stands in project\/\.mcp\.json, .*: name it in trust/)
      const some = yield* reading(files, { trust: ["both", "deep", "sly"] })
      assert.deepStrictEqual(commands(some), { own: "mine", both: "theirs", deep: "3", sly: "x" })
      assert.deepInclude(plain(some.servers["deep"]), { cwd: `${some.folder}/project` })
      // What is allowed without asking is for the user to say.
      assert.deepStrictEqual(plain(some.servers["sly"]), { command: "x", args: [] })
      assert.deepStrictEqual(some.problems, [
        "project/.vscode/mcp.json: both stands for the server of that name in user.json",
        "project/.mcp.json: sly trust does not count in a file of the project; set it in your own",
        "project/.mcp.json: sly alwaysAllow does not count in a file of the project; set it in your own",
        "project/.mcp.json: deep stands for the server of that name in project/.vscode/mcp.json",
        "project/.axonal/mcp.json: deep stands for the server of that name in project/.mcp.json"
      ])
      assert.deepStrictEqual(commands(yield* reading(files, { trust: "all" })), commands(some))
    })
  })

  it.live("answers options of a client, and shows no secret", () =>
    Effect.gen(function* () {
      const loaded = yield* reading(
        user({ s: { url: "https://a.b/", headers: { A: "${TOKEN}" } }, t: { command: "x", env: { B: "${TOKEN}" } } })
      )
      assert.isDefined(McpClient.layer(loaded))
      assert.notInclude(JSON.stringify(loaded), environment.TOKEN)
      assert.deepStrictEqual((yield* reading({})).files, [])
    })
  )
})
