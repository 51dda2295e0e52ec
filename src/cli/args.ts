/**
 * Reads the arguments of the command line. Node's own parser does the splitting; this module knows the flags, says what
 * is wrong with them in one line, and suggests what was probably meant.
 */
import { parseArgs } from "node:util"
import * as Flags from "./internal/flags.ts"
import * as Hands from "./internal/hands.ts"

/**
 * What the command line was asked to do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly prompt: string | undefined
  readonly session: string | undefined
  readonly continue: boolean
  /** Whether to go on in a fork of the session, instead of in the session itself. */
  readonly fork: boolean
  readonly model: string | undefined
  readonly baseUrl: string | undefined
  readonly json: boolean
  readonly offline: boolean
  readonly maxTurns: number | undefined
  readonly maxCostUsd: number | undefined
  readonly timeoutMillis: number | undefined
  /** A file with the JSON schema that a single answer has to fit. */
  readonly outputSchema: string | undefined
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  /** How much the model thinks, in the words of its vendor. */
  readonly thinking: string | undefined
  /** Absent: all where somebody can be asked, else those that read. */
  readonly tools: Hands.Which | undefined
  readonly sandbox: Hands.Place | undefined
  /** Whether calls that change something ask, are refused until a plan is approved, or run unasked. */
  readonly permission: Permission | undefined
  /** Files that go with the prompt. */
  readonly files: ReadonlyArray<string>
  readonly dataDir: string | undefined
  readonly save: boolean
  readonly compact: boolean
  readonly color: boolean
  readonly interactive: boolean
  /** Whether a conversation is held in lines of text, instead of on a screen of its own. */
  readonly plain: boolean
  readonly debug: boolean
}

/**
 * What happens to calls that change something: a person is asked, they wait for an approved plan, or they run.
 *
 * @category models
 * @since 0.1.0
 */
export type Permission = "ask" | "plan" | "yolo"

/**
 * What the program can do besides running the agent. A command stands first; what follows is its own to read.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = (typeof commands)[number]

/**
 * The outcome of parsing: a job, a command, a question about the program, or what is wrong.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed =
  | { readonly _tag: "Run"; readonly options: Options }
  | { readonly _tag: "Command"; readonly name: Command; readonly args: ReadonlyArray<string> }
  /** `of` is the command whose help is asked for, when it has its own. */
  | { readonly _tag: "Help"; readonly of?: Exclude<Command, "models" | "login"> }
  | { readonly _tag: "Version" }
  | Flags.Invalid

/**
 * The commands by name, which no plugin can have.
 *
 * @category constructors
 * @since 0.1.0
 */
export const commands = ["run", "sessions", "models", "login", "plugins", "mcp", "init", "doctor", "trust"] as const

const flags = {
  session: { type: "string", short: "s" },
  continue: { type: "boolean", short: "c" },
  fork: { type: "boolean" },
  model: { type: "string", short: "m" },
  "base-url": { type: "string" },
  json: { type: "boolean" },
  offline: { type: "boolean" },
  "max-turns": { type: "string" },
  "max-cost": { type: "string" },
  timeout: { type: "string" },
  "output-schema": { type: "string" },
  temperature: { type: "string" },
  "max-tokens": { type: "string" },
  thinking: { type: "string" },
  plan: { type: "boolean" },
  yolo: { type: "boolean" },
  file: { type: "string", multiple: true },
  plain: { type: "boolean" },
  debug: { type: "boolean" },
  ...Hands.flags,
  "data-dir": { type: "string" },
  "no-save": { type: "boolean" },
  "no-compact": { type: "boolean" },
  "no-color": { type: "boolean" },
  interactive: { type: "boolean", short: "i" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" }
} as const

/**
 * Parses the arguments after the program's name. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (args: ReadonlyArray<string>): Parsed => {
  const command = commands.find((name) => name === args[0])
  if (command !== undefined) {
    const rest = args.slice(1)
    if (!rest.some((arg) => arg === "--help" || arg === "-h")) return { _tag: "Command", name: command, args: rest }
    return command === "models" || command === "login" ? { _tag: "Help" } : { _tag: "Help", of: command }
  }
  try {
    const { positionals, values } = parseArgs({
      args: unfolded(args),
      options: flags,
      allowPositionals: true,
      strict: true
    })
    if (values.help === true) return { _tag: "Help" }
    if (values.version === true) return { _tag: "Version" }
    const prompt = positionals.length === 0 ? undefined : positionals.join(" ")
    const problem = check(values, prompt)
    if (problem !== undefined) return Flags.invalid(problem)
    return {
      _tag: "Run",
      options: {
        prompt,
        session: values.session,
        continue: values.continue ?? false,
        fork: values.fork ?? false,
        model: values.model,
        baseUrl: values["base-url"],
        json: values.json ?? false,
        offline: values.offline ?? false,
        maxTurns: numberOf(values["max-turns"]),
        maxCostUsd: numberOf(values["max-cost"]),
        timeoutMillis: values.timeout === undefined ? undefined : millisOf(values.timeout),
        outputSchema: values["output-schema"],
        temperature: numberOf(values.temperature),
        maxTokens: numberOf(values["max-tokens"]),
        thinking: values.thinking,
        tools: values.tools === undefined ? undefined : Hands.whichOf(values.tools),
        sandbox: values.sandbox === undefined ? undefined : Hands.placeOf(values.sandbox),
        permission: values.yolo === true ? "yolo" : values.plan === true ? "plan" : undefined,
        files: values.file ?? [],
        dataDir: values["data-dir"],
        save: values["no-save"] !== true,
        compact: values["no-compact"] !== true,
        color: values["no-color"] !== true,
        interactive: values.interactive ?? false,
        plain: values.plain ?? false,
        debug: values.debug ?? false
      }
    }
  } catch (error) {
    return Flags.invalid(Flags.explain(error, Object.keys(flags)))
  }
}

/**
 * What `--help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `Usage: axonal [flags] [prompt]

An assistant for the files of the current folder. With a prompt it answers once; without one it is a conversation, or
reads the prompt from standard input: axonal "what is this?" < notes.md, axonal --continue "and what is missing?"

Commands, each with its --help
  run TEAM [INPUT]     agents from files, and a live tree of who is doing what
  sessions [ACTION]    list, show, search, fork, rewind, rename, rm, export, import …
  models [WORDS]       the known models: what they take, do and cost; all, or those that match (--json: one a line)
  login [codex]        use a ChatGPT subscription; --no-browser, --remove, --tokens FILE: keep it there
  mcp, plugins         servers and tools of others: list, add, log in …
  init, doctor, trust  write a file of settings; look whether all is well; vouch for the files of a project

Sessions
  -s, --session ID     use this session, and begin it if it is new
  -c, --continue       go on with the latest session of this folder; --fork[=ID] in a fork of it, of ID or of --session
      --data-dir DIR   keep sessions here instead of in your data folder; --no-save: keep nothing
      --no-compact     do not summarise the beginning of a conversation that grows too long for the model

Model, tools and limits
  -m, --model MODEL    vendor:id, or an id alone; vendor:id@https://host;key=NAME;effort=high says more
      --base-url URL   any server that speaks the OpenAI chat protocol; --offline: no model, but a few rules
      --thinking WORD  how much the model thinks; --temperature 0-2, --max-tokens N: how it answers
      --tools WHICH    reading (they change nothing), all (where you can be asked, the default) or none
      --sandbox KIND   where they work: local (this machine), bubblewrap (no network) or container[:IMAGE]
      --plan, --yolo   change nothing before you approve a plan; do everything without asking
      --max-turns N    requests to the model in a run; --max-cost USD, --timeout 5m: what it may cost and take

Input and output
      --file PATH      goes with the prompt, more than once for several: texts, pictures, sound, PDF
      --output-schema FILE  answer with JSON that fits this JSON schema, and nothing else on standard output
      --json           events as JSON lines on standard output, and nothing else there
      --plain, --no-color   lines instead of a screen; no colours (NO_COLOR); --debug (AXONAL_DEBUG=1): causes of errors
  -i, --interactive    a conversation even when standard input is not a terminal
  -h, --help           this text; -v, --version: the version

Without a vendor in --model it is the first of these that is there: OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_API_KEY,
GEMINI_API_KEY or GOOGLE_API_KEY, OPENROUTER_API_KEY, GROQ_API_KEY, DEEPSEEK_API_KEY, MISTRAL_API_KEY, XAI_API_KEY,
TOGETHER_API_KEY, CEREBRAS_API_KEY, FIREWORKS_API_KEY, MOONSHOT_API_KEY, ZAI_API_KEY, DASHSCOPE_API_KEY, a local Ollama
(OLLAMA_HOST or 127.0.0.1:11434), else offline. Of several keys the one counts whose vendor is known to have the model.
AXONAL_MODEL, AXONAL_THINKING, AXONAL_TOOLS and AXONAL_SANDBOX count where the flag is missing, then files of settings.
Exit codes: 0 answered, 1 failed, 2 bad usage, 3 a limit, 4 nobody to approve, 124 timeout, 130 Ctrl-C, 143 terminated.
`

/**
 * The milliseconds of a time such as `90s`, `5m` or `1h`, in seconds without a unit; nothing for what is none.
 *
 * @category converters
 * @since 0.1.0
 */
export const millisOf = (text: string): number | undefined => {
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? []
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  const millis = Number(amount) * (units[unit] ?? Number.NaN)
  return Number.isFinite(millis) && millis > 0 ? millis : undefined
}

// internal

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"]

/** `--fork=ID` is `--fork --session=ID`: Node's parser knows no values that may be left out. */
const unfolded = (args: ReadonlyArray<string>): Array<string> => {
  const end = args.indexOf("--")
  return args.flatMap((arg, index) =>
    arg.startsWith("--fork=") && (end < 0 || index < end)
      ? ["--fork", `--session=${arg.slice("--fork=".length)}`]
      : [arg]
  )
}

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))

const check = (values: Values, prompt: string | undefined): string | undefined => {
  if (prompt !== undefined && prompt.trim() === "") return "the prompt is empty"
  const problem = Flags.sessionProblemOf(values)
  if (problem !== undefined) return problem
  if (values.fork === true && values["no-save"] === true) return "--fork needs saved sessions, --no-save keeps none"
  if (values.interactive === true && values.json === true) return "--interactive and --json exclude each other"
  const blank = Flags.blankOf(values, ["session", "model", "base-url", "data-dir"])
  if (blank !== undefined) return blank
  const turns = values["max-turns"]
  if (turns !== undefined && !/^[1-9]\d{0,5}$/.test(turns)) return `--max-turns is a number from 1 on, not "${turns}"`
  const { "max-cost": cost, "max-tokens": tokens, temperature, timeout } = values
  if (cost !== undefined && !(Number(cost) > 0)) return `--max-cost is an amount in US dollars above 0, not "${cost}"`
  if (tokens !== undefined && !/^[1-9]\d{0,8}$/.test(tokens)) {
    return `--max-tokens is a number from 1 on, not "${tokens}"`
  }
  if (temperature !== undefined && !(/\S/.test(temperature) && Number(temperature) >= 0 && Number(temperature) <= 2)) {
    return `--temperature is a number from 0 to 2, not "${temperature}"`
  }
  if (timeout !== undefined && millisOf(timeout) === undefined) {
    return `--timeout is a time like 90s, 5m or 1h, not "${timeout}"`
  }
  if (values.plan === true && values.yolo === true) return "--plan and --yolo exclude each other"
  return Hands.problemOf(values) ?? Flags.modelProblemOf(values)
}
