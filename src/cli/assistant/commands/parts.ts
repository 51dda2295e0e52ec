/**
 * Commands about what the assistant has: tools, servers, skills, other agents.
 */
import * as Effect from "effect/Effect"
import type * as Mcp from "../../../mcp/Mcp.ts"
import * as Toolkit from "../../../tool/Toolkit.ts"
import { SetupError } from "../../errors.ts"
import { clip, oneLine, plural } from "../../internal/words.ts"
import type { Entry, Failure, Item, Outcome, Place } from "./place.ts"
import { refused, said, within } from "./place.ts"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "tools", aliases: [], words: "[on|off NAME…]", summary: "the tools, and which of them are on" },
    act: (words, place) => (words === "" ? tools(place) : turn(words, place)),
    complete: (_, place) => Effect.map(switches(place), (items) => items)
  },
  {
    ...{ name: "mcp", aliases: [], words: "[SERVER on|off|login]" },
    summary: "the servers of the Model Context Protocol, and how they are",
    act: (words, place) => Effect.suspend(() => mcp(words, place)),
    complete: (_, place) => Effect.map(statusOf(place), (all) => all.flatMap(serverItems))
  },
  {
    ...{ name: "skills", aliases: [], words: "", summary: "the skills that are found" },
    act: (_, place) => skills(place)
  },
  {
    ...{ name: "agents", aliases: [], words: "", summary: "the agents that tasks can be given to" },
    act: (_, place) => Effect.sync(() => said(agentsOf(place)))
  }
]

// internal

/** Those that are on, with what they are for, and the names of those that are off. */
const known = (place: Place) =>
  Effect.map(
    within(place, Effect.orDie(Toolkit.resolve(place.conversation.assistant.agent().definition.sources))),
    ({ specs }) => ({ on: specs, off: [...place.conversation.assistant.knobs.get().off].sort() })
  )

const switches = (place: Place): Effect.Effect<ReadonlyArray<Item>, Failure> =>
  Effect.map(known(place), ({ off, on }) => [
    ...on.map(({ description = "", name }): Item => {
      const detail = clip(oneLine(description), 100)
      return { value: `off ${name}`, label: oneLine(name), detail, isCurrent: true }
    }),
    ...off.map((name): Item => ({ value: `on ${name}`, label: oneLine(name), detail: "off" }))
  ])

const tools = (place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.map(switches(place), (items): Outcome => {
    if (items.length === 0) return said("there are no tools")
    const on = items.filter(({ isCurrent }) => isCurrent).length
    const title = `tools: ${on} of ${items.length} on; choosing one turns it on or off`
    return { _tag: "Choose", title, command: "tools", items }
  })

const turn = (words: string, place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const [how = "", ...names] = words.split(/[\s,]+/)
    if ((how !== "on" && how !== "off") || names.length === 0) {
      return yield* refused("tools", "on or off and names of tools", words)
    }
    const { off, on } = yield* known(place)
    const all = new Set([...on.map(({ name }) => name), ...off])
    const unknown = names.filter((name) => !all.has(name))
    if (unknown.length > 0) {
      return yield* new SetupError({
        message: `there is no tool ${unknown.map(oneLine).join(", ")}; /tools shows all.`
      })
    }
    const { knobs } = place.conversation.assistant
    const next = new Set(off)
    for (const name of names) how === "off" ? next.add(name) : next.delete(name)
    knobs.change({ off: next })
    return said(`${names.join(", ")} ${names.length === 1 ? "is" : "are"} ${how}, from the next request on`)
  })

const statusOf = ({ conversation }: Place): Effect.Effect<ReadonlyArray<Mcp.Status>> =>
  conversation.assistant.parts.mcp?.status ?? Effect.succeed([])

const actions: Readonly<Record<Mcp.Status["is"], ReadonlyArray<string>>> = {
  connecting: ["off"],
  connected: ["off"],
  disconnected: ["on", "off"],
  error: ["on", "login", "off"],
  disabled: [],
  untrusted: []
}

const serverItems = (status: Mcp.Status): ReadonlyArray<Item> => {
  const { complaints, is, problem, server, tools } = status
  const what = [
    is,
    ...(is === "connected" ? [plural(tools.length, "tool")] : []),
    ...(problem === undefined ? [] : [clip(oneLine(problem.message), 200)]),
    ...complaints.map((complaint) => clip(oneLine(complaint), 100))
  ]
  return actions[is].length === 0
    ? [{ value: server, label: oneLine(server), detail: what.join("; ") }]
    : actions[is].map((action) => ({
        ...{ value: `${server} ${action}`, label: `${oneLine(server)} ${action}`, detail: what.join("; ") },
        isCurrent: is === "connected"
      }))
}

const mcp = (words: string, place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const { knobs, parts } = place.conversation.assistant
    const service = parts.mcp
    if (service === undefined) return said("there are no servers: write them to mcp.json; axonal mcp --help says how")
    const all = yield* service.status
    if (words === "") {
      return {
        _tag: "Choose",
        title: `mcp: ${plural(all.length, "server")}`,
        command: "mcp",
        items: all.flatMap(serverItems)
      }
    }
    const [name = "", action, ...rest] = words.split(/\s+/)
    const server = all.find((status) => status.server === name)
    if (server === undefined) {
      return yield* new SetupError({ message: `there is no server ${oneLine(name)}; /mcp shows all.` })
    }
    if (rest.length > 0) return yield* refused("mcp", "a server, and on, off or login", words)
    const names = server.tools.map((tool) => tool.name)
    switch (action) {
      case undefined:
        return said(
          [
            ...serverItems(server)
              .slice(0, 1)
              .map((item) => `${name}: ${item.detail}`),
            ...names
          ].join("\n  ")
        )
      case "off": {
        knobs.change({ off: new Set([...knobs.get().off, ...names]) })
        yield* Effect.mapError(service.disconnect(name), problemOf)
        return said(`${name} is off: its ${plural(names.length, "tool")} will not be offered`)
      }
      case "on": {
        knobs.change({ off: new Set([...knobs.get().off].filter((tool) => !names.includes(tool))) })
        yield* Effect.raceFirst(Effect.mapError(service.connect(name), problemOf), place.stop)
        return said(`${name} is on`)
      }
      case "login":
        return yield* login(service, name, place)
      default:
        return yield* refused("mcp", "a server, and on, off or login", words)
    }
  })

const problemOf = (cause: { readonly message: string }): SetupError =>
  new SetupError({ message: oneLine(cause.message), cause })

const login = (service: Mcp.Service, server: string, { screen, stop }: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const [{ caught }, { openBrowser }] = yield* Effect.promise(() =>
      Promise.all([import("../../mcp/use.ts"), import("../../login.ts")])
    )
    const { answers, redirectUrl } = yield* caught(0)
    const show = (url: string) =>
      Effect.zipRight(
        Effect.sync(() => screen.note(`Log in with your browser. If none opens, visit ${url}\n`)),
        openBrowser(url, process.env)
      )
    const done = service.login(server, { redirectUrl, show, answer: () => answers })
    const isDone = yield* Effect.raceFirst(Effect.as(Effect.mapError(done, problemOf), true), Effect.as(stop, false))
    return said(isDone ? `logged in to ${server}` : "given up; nothing has changed")
  }).pipe(Effect.scoped)

const skills = ({ conversation }: Place): Effect.Effect<Outcome> =>
  Effect.map(conversation.assistant.parts.skills, ({ problems, skills }) => {
    const lines = [
      ...skills.map(({ description, name, scope }) => `${name}  ${clip(oneLine(description), 120)} (${scope})`),
      ...problems.map(({ file, kind, problem }) => `${kind}: ${oneLine(file)}: ${oneLine(problem)}`)
    ]
    return said(
      lines.length === 0 ? "there are no skills: folders of .axonal/skills or .agents/skills" : lines.join("\n")
    )
  })

const agentsOf = ({ conversation }: Place): string => {
  const { agents } = conversation.assistant.parts
  const lines = agents.map(({ description, files, model, name }) => {
    const where = files.length === 0 ? "" : ` (${files.map(oneLine).join(", ")})`
    return `${oneLine(name)}  ${clip(oneLine(description), 120)}${model === undefined ? "" : `, ${oneLine(model)}`}${where}`
  })
  return lines.length === 0 ? "there are no agents: files of .axonal/agents" : lines.join("\n")
}
