/**
 * The reference servers of the protocol as programs of this machine, and arguments for every tool and prompt that they have.
 */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import type * as Mcp from "axonal/mcp/Mcp"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

type Input = Readonly<Record<string, unknown>>

const entryOf = (name: string): string => {
  const manifest = createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`)
  return join(dirname(manifest), "dist", "index.js")
}

/** A reference server on its standard input and output. */
export const program = (name: "everything" | "filesystem" | "memory", ...args: ReadonlyArray<string>) =>
  ({ command: process.execPath, args: [entryOf(`server-${name}`), ...args] }) satisfies Mcp.ProgramServer

/** The server of everything over HTTP, on a port of its own; its URL. */
export const overHttp = (port: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly end: () => void }>((resume) => {
      const child = spawn(process.execPath, [entryOf("server-everything"), "streamableHttp"], {
        env: { PATH: process.env["PATH"], PORT: String(port) },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const listening = (text: Buffer): void => {
        if (!/listening/i.test(String(text))) return
        resume(Effect.succeed({ url: `http://localhost:${port}/mcp`, end: () => void child.kill("SIGKILL") }))
      }
      child.stdout.on("data", listening)
      child.stderr.on("data", listening)
      child.once("exit", (code) => resume(Effect.dieMessage(`it ended with ${code}`)))
    }),
    ({ end }) => Effect.sync(end)
  ).pipe(Effect.map(({ url }) => url))

/** Tools of the server of everything, and what their results begin with. */
export const everything: Readonly<Record<string, readonly [Input, RegExp]>> = {
  echo: [{ message: "hi" }, /^Echo: hi$/],
  "get-annotated-message": [{ messageType: "error", includeImage: true }, /image\/png/],
  "get-env": [{}, /"PATH"/],
  "get-resource-links": [{ count: 2 }, /resource_link.*demo:\/\/resource/s],
  "get-resource-reference": [{ resourceType: "Blob", resourceId: 2 }, /octet-stream|text\/plain/],
  "get-roots-list": [{}, /file:\/\/\/tmp/],
  "get-structured-content": [{ location: "Chicago" }, /"temperature":36/],
  "get-sum": [{ a: 2, b: 3 }, /5/],
  "get-tiny-image": [{}, /image\/png/],
  "gzip-file-as-resource": [
    { name: "a.gz", data: "data:text/plain,hello", outputType: "resource" },
    /application\/gzip/
  ],
  "simulate-research-query": [{ topic: "python", ambiguous: true }, /Monty Python|comedy/],
  "toggle-simulated-logging": [{}, /logging/i],
  "toggle-subscriber-updates": [{}, /updates/i],
  "trigger-elicitation-request": [{}, /provided|accept/i],
  "trigger-long-running-operation": [{ duration: 0.2, steps: 2 }, /completed/i],
  "trigger-sampling-request": [{ prompt: "Who?", maxTokens: 50 }, /It was the butler\./],
  "trigger-url-elicitation": [{ url: "https://example.com/" }, /completed the URL elicitation/i]
}

/** Tools of the server of files in a folder, in an order in which each finds what it needs. */
export const filesystem = (folder: string): ReadonlyArray<readonly [string, Input, RegExp]> => [
  ["write_file", { path: `${folder}/a.txt`, content: "one\ntwo\n" }, /Successfully wrote/],
  ["read_text_file", { path: `${folder}/a.txt`, head: 1 }, /^one/],
  ["read_file", { path: `${folder}/a.txt` }, /two/],
  ["read_multiple_files", { paths: [`${folder}/a.txt`] }, /one/],
  ["edit_file", { path: `${folder}/a.txt`, edits: [{ oldText: "two", newText: "three" }] }, /\+three/],
  ["create_directory", { path: `${folder}/b` }, /created/],
  ["move_file", { source: `${folder}/a.txt`, destination: `${folder}/b/a.txt` }, /moved/],
  ["write_file", { path: `${folder}/b/p.png`, content: "no picture" }, /wrote/],
  ["read_media_file", { path: `${folder}/b/p.png` }, /image\/png/],
  ["list_directory", { path: folder }, /\[DIR\] b/],
  ["list_directory_with_sizes", { path: `${folder}/b` }, /a\.txt/],
  ["directory_tree", { path: folder }, /"name":\s*"b"/],
  ["search_files", { path: folder, pattern: "**/*.txt" }, /a\.txt/],
  ["get_file_info", { path: `${folder}/b/a.txt` }, /size/],
  ["list_allowed_directories", {}, /Allowed directories/],
  ["read_file", { path: "/etc/passwd" }, /denied/]
]

const ada = { name: "Ada", entityType: "person", observations: ["counts"] }
const knows = { from: "Ada", to: "Bob", relationType: "knows" }

/** Tools of the server of memories, in an order in which each finds what it needs. */
export const memory: ReadonlyArray<readonly [string, Input, RegExp]> = [
  ["create_entities", { entities: [ada, { ...ada, name: "Bob" }] }, /Ada/],
  ["create_relations", { relations: [knows] }, /knows/],
  ["add_observations", { observations: [{ entityName: "Ada", contents: ["writes"] }] }, /writes/],
  ["read_graph", {}, /writes/],
  ["search_nodes", { query: "writes" }, /Ada/],
  ["open_nodes", { names: ["Bob"] }, /Bob/],
  ["delete_observations", { deletions: [{ entityName: "Ada", observations: ["writes"] }] }, /deleted/i],
  ["delete_relations", { relations: [knows] }, /deleted/i],
  ["delete_entities", { entityNames: ["Ada", "Bob"] }, /deleted/i]
]

/** Prompts of the server of everything, and values for them. */
export const prompts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "simple-prompt": {},
  "args-prompt": { city: "Oslo" },
  "completable-prompt": { department: "Sales", name: "Eve" },
  "resource-prompt": { resourceType: "Text", resourceId: "1" }
}
