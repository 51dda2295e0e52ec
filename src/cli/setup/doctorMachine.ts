/**
 * What the doctor looks at on the machine: Node, programs, sandboxes, the terminal.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { Environment } from "../environment.ts"
import * as SandboxOf from "../sandbox.ts"
import type { Finding } from "./doctorFindings.ts"
import { ok, problem, warning } from "./doctorFindings.ts"

/**
 * Whether Node is new enough.
 *
 * @category constructors
 * @since 0.1.0
 */
export const node: Effect.Effect<ReadonlyArray<Finding>> = Effect.sync(() => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > 20 || (major === 20 && minor >= 19)
    ? [ok("node", process.versions.node)]
    : [problem("node", `${process.versions.node} is too old`, "install Node 20.19 or newer")]
})

/**
 * Programs, sandboxes and the terminal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = (environment: Environment): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.all(
      [
        program("git", "what changed is not known without it"),
        program("rg", "searching files is slower without ripgrep"),
        bubblewrap,
        container(environment),
        Effect.sync(() => terminal(environment))
      ],
      { concurrency: "unbounded" }
    ),
    (findings) => findings.flat()
  )

// internal

const patienceMillis = 3000

const program = (name: string, without: string): Effect.Effect<Finding> =>
  Effect.promise(
    () =>
      new Promise((resolve) => {
        let out = ""
        const fail = () => resolve(warning(name, "is not there", `${without}: install it`))
        const child = spawn(name, ["--version"], { stdio: ["ignore", "pipe", "ignore"], timeout: patienceMillis })
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          out += text
        })
        child.once("error", fail)
        child.once("close", (code) => (code === 0 ? resolve(ok(name, out.split("\n")[0] ?? "")) : fail()))
      })
  )

/** It is there when it can be entered, which some machines forbid. */
const bubblewrap: Effect.Effect<Finding> = Effect.scoped(SandboxOf.open({ kind: "bubblewrap" }, process.cwd())).pipe(
  Effect.as(ok("bubblewrap", "--sandbox bubblewrap can be used")),
  Effect.catchAll((error) => Effect.succeed(warning("bubblewrap", "cannot be used", error.message))),
  Effect.timeoutTo({
    duration: patienceMillis,
    onSuccess: (finding) => finding,
    onTimeout: () => warning("bubblewrap", "does not answer")
  })
)

const container = (environment: Environment): Effect.Effect<Finding> =>
  Effect.promise(async () => {
    const run = environment["XDG_RUNTIME_DIR"]
    const named = /^unix:\/\/(.+)/.exec(environment["DOCKER_HOST"] ?? "")?.[1]
    const usual = ["/var/run/docker.sock", "/run/podman/podman.sock"]
    const own = run === undefined ? [] : [join(run, "docker.sock"), join(run, "podman/podman.sock")]
    const socket = (named === undefined ? [...usual, ...own] : [named]).find((path) => existsSync(path))
    if (socket !== undefined && (await pings(socket))) return ok("container", `an engine listens at ${socket}`)
    return warning("container", "no engine answers", "for --sandbox container start Docker or Podman")
  })

const pings = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: "/_ping", agent: false, timeout: patienceMillis }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.once("timeout", () => asked.destroy())
    asked.once("error", () => resolve(false))
    asked.end()
  })

const terminal = (environment: Environment): Finding => {
  const { stderr, stdin, stdout } = process
  if (stdin.isTTY !== true || stdout.isTTY !== true) return ok("terminal", "none: answers come in plain lines")
  const name = environment["TERM"] ?? "unknown"
  const size = `${stdout.columns} × ${stdout.rows}`
  const program = environment["TERM_PROGRAM"] ?? ""
  const depth = stdout.getColorDepth()
  const colors = environment["NO_COLOR"] ? "no colours (NO_COLOR)" : depth > 1 ? `${2 ** depth} colours` : "no colours"
  const pictures =
    environment["KITTY_WINDOW_ID"] !== undefined || /ghostty|WezTerm|iTerm/.test(program) ? "pictures" : "no pictures"
  const text = `${name}, ${size}, ${colors}, ${pictures}${stderr.isTTY === true ? "" : ", nobody can be asked"}`
  if (name === "dumb") return warning("terminal", text, "a conversation is held in plain lines there")
  return stdout.columns < 40 || stdout.rows < 10
    ? warning("terminal", text, "make the window larger, or add --plain")
    : ok("terminal", text)
}
