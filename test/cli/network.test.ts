import { assert, describe, it } from "@effect/vitest"
import type { Server } from "./support.ts"
import { answer, endless, folderOf, refuse, run, serve, setUp } from "./support.ts"

setUp()

const withServer = async (server: Server, use: (server: Server) => Promise<void>): Promise<void> => {
  try {
    await use(server)
  } finally {
    server.close()
  }
}

const key = "sk-test-0123456789"

describe("axonal, with a server", () => {
  it("streams the answer of the model that the environment names", async () => {
    await withServer(await serve(answer("Hello there.")), async ({ baseUrl, requests }) => {
      const env = { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl, AXONAL_MODEL: "small" }
      const { code, stderr, stdout } = await run(["hi", "--no-save"], { cwd: folderOf(), env })
      assert.deepStrictEqual([code, stdout, requests.map(({ model }) => model)], [0, "Hello there.\n", ["small"]])
      assert.strictEqual(
        stderr,
        `axonal: openai-compatible small (OPENAI_BASE_URL is ${baseUrl})\n1 turn, tokens unknown\n`
      )
    })
  })

  it("a refused connection says so and what to do", async () => {
    const server = await serve(answer(""))
    server.close()
    const args = ["hi", "--no-save", "--base-url", server.baseUrl, "--model", "m"]
    const { code, stderr, stdout } = await run(args, { cwd: folderOf() })
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.strictEqual(
      stderr.trimEnd().split("\n").at(-1),
      `axonal: cannot reach ${server.baseUrl} (ECONNREFUSED). Is the server running and the address right?`
    )
  })

  it("a wrong key says which variable, and never the key", async () => {
    const error = {
      message: `Incorrect API key provided: ${key}.`,
      type: "invalid_request_error",
      code: "invalid_api_key"
    }
    await withServer(await serve(refuse(401, error)), async ({ baseUrl }) => {
      const env = { OPENAI_API_KEY: key }
      const args = ["hi", "--no-save", "--base-url", baseUrl, "--model", "m"]
      for (const debug of [{}, { AXONAL_DEBUG: "1" }]) {
        const { code, stderr } = await run(args, { cwd: folderOf(), env: { ...env, ...debug } })
        assert.strictEqual(code, 1)
        assert.include(stderr, `axonal: ${baseUrl} refused the key of OPENAI_API_KEY (401): `)
        assert.notInclude(stderr, key)
      }
    })
  })

  it("a server that closes mid-answer fails the run", async () => {
    const cut = await serve((response) => {
      endless("Hel")(response)
      response.write("data: {", () => response.destroy())
    })
    await withServer(cut, async ({ baseUrl }) => {
      const args = ["hi", "--no-save", "--base-url", baseUrl, "--model", "m"]
      const { code, stderr, stdout } = await run(args, { cwd: folderOf() })
      assert.deepStrictEqual([code, stdout], [1, "Hel\n"])
      assert.match(stderr, /\naxonal: the connection to \S+ broke off: .*\n$/)
    })
  })

  it("a server that sends no answer of the protocol fails the run", async () => {
    const page = await serve((response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"))
    await withServer(page, async ({ baseUrl }) => {
      const args = ["hi", "--no-save", "--base-url", baseUrl, "--model", "m"]
      const { code, stderr } = await run(args, { cwd: folderOf() })
      assert.strictEqual(code, 1)
      assert.match(stderr, /Check the base URL\.\n$/)
    })
  })

  it("control characters of a model stay out of the terminal", async () => {
    await withServer(await serve(answer("a\u001b[31mb\u0007\nc")), async ({ baseUrl }) => {
      const args = ["hi", "--no-save", "--base-url", baseUrl, "--model", "m"]
      assert.strictEqual((await run(args, { cwd: folderOf() })).stdout, "a[31mb\nc\n")
    })
  })

  it("a model without anybody to ask is an error, not offline", async () => {
    const { code, stderr } = await run(["--model", "m", "hi"], { cwd: folderOf() })
    assert.deepStrictEqual(
      [code, stderr],
      [
        2,
        "axonal: there is nobody to ask for the model m: no key is set (see --help) and there is no Ollama at " +
          "http://127.0.0.1:1. Try axonal --help.\n"
      ]
    )
  })

  it("a vendor without its key is an error", async () => {
    const { code, stderr } = await run(["--model", "groq:llama", "hi"], { cwd: folderOf() })
    assert.deepStrictEqual([code, stderr], [2, "axonal: groq needs a key: set GROQ_API_KEY. Try axonal --help.\n"])
  })

  it("AM-33 a vendor is spoken to in its own protocol", async () => {
    const asked: Array<unknown> = []
    const server = await serve((response, request) => {
      asked.push(request.url, request.headers["x-api-key"])
      refuse(403, { type: "permission_error", message: "no" })(response)
    })
    await withServer(server, async ({ baseUrl, requests }) => {
      const args = ["hi", "--no-save", "--model", `anthropic:claude-haiku-5-5@${baseUrl};key=MY_KEY;max=77`]
      const { code, stderr } = await run(args, { cwd: folderOf(), env: { MY_KEY: key } })
      assert.deepStrictEqual(
        [code, asked, requests.map(({ model }) => model)],
        [...[1, ["/v1/messages", key], ["claude-haiku-5-5"]]]
      )
      assert.include(stderr, "axonal: anthropic claude-haiku-5-5 (MY_KEY is set)\n")
      assert.include(stderr, `axonal: ${baseUrl} refused the `)
    })
  })

  it("AM-33 a model that the vendor does not have lists those it has", async () => {
    const args = ["--no-save", "--model", "deepseek:deepsek-flash", "hi"]
    const { code, stderr } = await run(args, { cwd: folderOf(), env: { DEEPSEEK_API_KEY: key } })
    assert.strictEqual(code, 2)
    assert.match(
      stderr,
      /\naxonal: deepseek has no model deepsek-flash that is known here\. If it is new .* Known: deepseek-flash, .*\n$/
    )
  })
})
