/**
 * What a team needs is what the tools that it is given need, all of them together, with a model and a store.
 */
import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import { Agent } from "axonal"
import type { ContextStore } from "axonal/context/ContextStore"
import type * as Message from "axonal/domain/Message"
import * as Runner from "axonal/pattern/Runner"
import * as Team from "axonal/team/Team"
import type { TeamError } from "axonal/team/TeamError"
import type * as Tool from "axonal/tool/Tool"
import type * as Transport from "axonal/transport/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Fails, Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

class Database extends Context.Tag("test/types/Database")<Database, { readonly query: string }>() {}
class Mail extends Context.Tag("test/types/Mail")<Mail, { readonly send: string }>() {}
class Vault extends Context.Tag("test/types/Vault")<Vault, string>() {}

const query = Agent.tool("query", {}, () => Effect.map(Database, ({ query }) => query))
const send = Agent.tool("send", {}, () => Effect.map(Mail, ({ send }) => send))
const toolkit = AiToolkit.make(AiTool.make("greet", { parameters: { name: Schema.String }, success: Schema.String }))

type Files = FileSystem.FileSystem | Path.Path
type Agents = Transport.Transport | ContextStore
type Loaded<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

// Without tools a team needs what agents need, and reading it the file system.
const plain = Team.load("agents")
holds<Same<Needs<typeof plain>, Files>>()
holds<Same<Fails<typeof plain>, TeamError>>()
holds<Same<Loaded<typeof plain>, Team.Team>>()

// The union of what tools and toolkit need stands in every runner, and in the tool that delegates to them.
const full = Team.load(["shared", "agents"], { tools: [query, send], toolkit })
type Given = Database | Mail | AiTool.Handler<"greet">
holds<Same<Loaded<typeof full>, Team.Team<Given>>>()
type Lead = Loaded<typeof full>["lead"]
holds<Same<Lead, Runner.Runner<Message.Input, string, Agent.AgentError, Given | Agents>>>()
holds<Same<Loaded<typeof full>["delegate"], Tool.WithHandler<Given | Agents>>>()
declare const team: Loaded<typeof full>
const tools = Team.tools(team)
holds<Same<(typeof tools)[number], Tool.WithHandler<Given | Agents>>>()
holds<Same<Needs<ReturnType<typeof runLead>>, Given | Agents>>()
const runLead = () => Runner.run(team.lead, "go")

// Models of files need a client and a scope, or what the function needs that makes them.
const listed = Team.load("agents", { tools: [query], models: ["openai:*"] })
holds<Same<Needs<typeof listed>, Files | HttpClient.HttpClient | Scope.Scope>>()
holds<Same<Loaded<typeof listed>, Team.Team<Database>>>()
declare const transport: Transport.Service
const resolved = Team.load("agents", { models: () => Effect.as(Vault, transport) })
holds<Same<Needs<typeof resolved>, Files | Vault>>()
const ambient = Team.load("agents", { models: "ambient" })
holds<Same<Needs<typeof ambient>, Files>>()

// Runner.provide takes away what it brings, and adds what that needs.
const withMail = Runner.provideService(team.lead, Mail, { send: "" })
holds<Same<Runner.Requirements<typeof withMail>, Exclude<Given, Mail> | Agents>>()
const fromVault = Layer.effect(
  Database,
  Effect.flatMap(Vault, (query) => (query === "" ? Effect.fail("sealed" as const) : Effect.succeed({ query })))
)
const withDatabase = withMail.pipe(Runner.provide(fromVault))
holds<Same<Runner.Requirements<typeof withDatabase>, AiTool.Handler<"greet"> | Vault | Agents>>()
holds<Same<Runner.Failure<typeof withDatabase>, Agent.AgentError | "sealed">>()
holds<Same<Runner.Output<typeof withDatabase>, string>>()

// @ts-expect-error: the service is not of that tag
Runner.provideService(team.lead, Mail, { query: "" })
// @ts-expect-error: tools of a toolkit that an effect builds are not known before
Team.load("agents", { toolkit: Effect.succeed({ tools: {}, handle: () => Effect.never }) })
// @ts-expect-error: no such word
Team.load("agents", { models: "all" })
