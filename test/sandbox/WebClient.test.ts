import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as WebClient from "../../src/sandbox/WebClient.ts"
import addresses from "../fixtures/web/addresses.json" with { type: "json" }
import * as WebServer from "../support/webServer.ts"

const here = ["public.example", "other.example", "only.example"]
const allow = ["public.example:*", "other.example:*", "only.example:8080", "*.wide.example"]

/** A resolver that says of some names what it is told. */
const lying = (told: Readonly<Record<string, ReadonlyArray<string>>>) => (host: string) => {
  const known = told[host] ?? (here.includes(host) ? ["127.0.0.1"] : undefined)
  return known === undefined ? Effect.fail(new Error("ENOTFOUND")) : Effect.succeed(known)
}

const client = (options: WebClient.Options = {}, told: Readonly<Record<string, ReadonlyArray<string>>> = {}) =>
  Effect.provideService(WebClient.make({ allow, ...options }), WebClient.Resolver, lying(told))

const reasonOf = (error: unknown): string =>
  Option.match(WebClient.errorOf(error), { onNone: () => String(error), onSome: ({ reason }) => reason._tag })

const get = (web: HttpClient.HttpClient, url: string | HttpClientRequest.HttpClientRequest) =>
  web.execute(typeof url === "string" ? HttpClientRequest.get(url) : url).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (text) => ({ response, text }))),
    Effect.mapError(reasonOf)
  )

/** A server that answers by path, and keeps what it was asked. */
const site = Effect.gen(function* () {
  const asked: Array<string> = []
  const server = yield* WebServer.http((request, response) => {
    let body = ""
    request.on("data", (data) => (body += String(data)))
    request.on("end", () => {
      const secrets = ["authorization", "cookie", "x-api-key", "accept", "traceparent", "content-type"]
        .filter(
          (name) => request.headers[name] !== undefined && !(name === "accept" && request.headers[name] === "*/*")
        )
        .join("+")
      asked.push(`${request.method} ${request.headers.host?.split(":")[0]} ${request.url} ${secrets} ${body}`.trim())
      const path = request.url ?? ""
      const [, status, to] = /^\/to\/(\d+)\/(.*)$/.exec(path) ?? []
      if (status === undefined) response.end("there")
      else response.writeHead(Number(status), { location: decodeURIComponent(to ?? "") }).end("moved")
    })
  })
  return { ...server, asked }
})

describe("WebClient", () => {
  it("attempts on addresses are at least sixty", () => assert.isAtLeast(addresses.length, 60))

  it.live("every address that is not of the internet is refused", () =>
    Effect.gen(function* () {
      const told: Record<string, ReadonlyArray<string>> = {}
      const web = yield* client({}, told)
      for (const attempt of addresses) {
        if ("resolves" in attempt) told[new URL(attempt.url).hostname] = attempt.resolves ?? []
        const error = yield* Effect.flip(get(web, attempt.url))
        assert.strictEqual(error, attempt.expect, attempt.name)
      }
    })
  )

  it.scopedLive("a name is resolved once, and the connection goes there", () =>
    Effect.gen(function* () {
      const { port } = yield* site
      const answers = [["127.0.0.1"], ["127.0.0.2"]]
      const asked: Array<string> = []
      const resolve = (host: string) =>
        Effect.sync(() => {
          asked.push(host)
          return answers.shift() ?? ["127.0.0.3"]
        })
      const web = yield* Effect.provideService(
        WebClient.make({ allow: ["rebinding.example:*"] }),
        WebClient.Resolver,
        resolve
      )
      const { text } = yield* get(web, `http://rebinding.example:${port}/`)
      assert.strictEqual(text, "there")
      assert.deepStrictEqual(asked, ["rebinding.example"])
      // Nobody listens at the second answer: it was the one that counted now.
      assert.strictEqual(yield* Effect.flip(get(web, `http://rebinding.example:${port}/`)), "Network")
    })
  )

  it.scopedLive("credentials stay with the origin that they are for", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* site
      const web = yield* client()
      const headers = { authorization: "Bearer secret", cookie: "a=b", "x-api-key": "secret", accept: "text/html" }
      const to = (host: string, path: string) => encodeURIComponent(`http://${host}.example:${port}${path}`)
      const from = (path: string) =>
        HttpClientRequest.get(`http://public.example:${port}${path}`, { headers: { ...headers, host: "evil.example" } })
      yield* get(web, from("/to/302/%2Fsame"))
      const { response } = yield* get(web, from(`/to/302/${to("other", "/away?q=1#part")}`))
      yield* get(web, from(`/to/307/${to("other", `/to/307/${to("public", "/back")}`)}`))
      assert.deepStrictEqual(asked, [
        "GET public.example /to/302/%2Fsame authorization+cookie+x-api-key+accept",
        "GET public.example /same authorization+cookie+x-api-key+accept",
        `GET public.example /to/302/${to("other", "/away?q=1#part")} authorization+cookie+x-api-key+accept`,
        "GET other.example /away?q=1 accept",
        `GET public.example /to/307/${to("other", `/to/307/${to("public", "/back")}`)} authorization+cookie+x-api-key+accept`,
        `GET other.example /to/307/${to("public", "/back")} accept`,
        "GET public.example /back accept"
      ])
      assert.include(response.request.url, `http://other.example:${port}/away`)
    })
  )

  it.scopedLive("a redirect keeps or drops method and body by its status", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* site
      const web = yield* client()
      const post = (status: number) =>
        HttpClientRequest.post(`http://public.example:${port}/to/${status}/%2Fnext`).pipe(
          HttpClientRequest.bodyText("words", "text/plain")
        )
      for (const status of [301, 302, 303, 307, 308]) yield* get(web, post(status))
      const nexts = asked.filter((line) => line.includes(" /next"))
      const [without, kept] = ["GET public.example /next", "POST public.example /next content-type words"]
      assert.deepStrictEqual(nexts, [without, without, without, kept, kept])
      const streamed = HttpClientRequest.bodyStream(post(307), Stream.make(new TextEncoder().encode("words")))
      assert.strictEqual(yield* Effect.flip(get(web, streamed)), "Redirected")
    })
  )

  it.scopedLive("every kind of body arrives", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* site
      const web = yield* client()
      const post = HttpClientRequest.post(`http://public.example:${port}/`)
      const form = new FormData()
      form.append("a", "b")
      yield* get(web, HttpClientRequest.bodyText(post, "text"))
      yield* get(web, HttpClientRequest.bodyFormData(post, form))
      yield* get(web, HttpClientRequest.bodyStream(post, Stream.make(Uint8Array.of(104, 105))))
      yield* get(web, post)
      assert.deepStrictEqual(
        asked.map((line) => line.replaceAll(/-+formdata-\S+/g, "---").replaceAll(/\s+/g, " ")),
        [
          "POST public.example / content-type text",
          'POST public.example / content-type --- Content-Disposition: form-data; name="a" b ---',
          "POST public.example / content-type hi",
          "POST public.example /"
        ]
      )
    })
  )

  it.scopedLive("another origin is asked about before it is requested", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* site
      const questions: Array<string> = []
      const web = yield* client({
        redirect: (to, from) =>
          Effect.sync(() => {
            questions.push(`${from.hostname} to ${to.hostname}`)
            return to.hostname === "public.example" || "it is closed on Sundays"
          })
      })
      const url = `http://public.example:${port}/to/302/${encodeURIComponent(`http://other.example:${port}/`)}`
      const failed = yield* Effect.flip(web.get(url))
      assert.include(failed.message, `it redirects to http://other.example:${port}, it is closed on Sundays.`)
      yield* get(web, `http://public.example:${port}/to/302/%2Fsame`)
      assert.deepStrictEqual(questions, ["public.example to other.example"])
      assert.lengthOf(asked, 3)
    })
  )

  it.scopedLive("encryption is not given up, and certificates are checked", () =>
    Effect.gen(function* () {
      const { port: plain } = yield* site
      const identity = WebServer.identity("public.example")
      const { port } = yield* WebServer.https(identity, (request, response) => {
        if (request.url === "/down") response.writeHead(302, { location: `http://other.example:${plain}/` })
        response.end("sealed")
      })
      const url = `https://public.example:${port}/`
      const trusting = yield* client({ certificates: [identity.cert] })
      assert.strictEqual((yield* get(trusting, url)).text, "sealed")
      assert.strictEqual(yield* Effect.flip(get(trusting, `${url}down`)), "Redirected")
      const wrong = yield* Effect.flip(trusting.get(`https://other.example:${port}/`))
      assert.include(wrong.message, "its identity could not be verified; check its certificate")
      assert.strictEqual(yield* Effect.flip(get(yield* client(), url)), "Network")
      const lax = yield* client({ certificates: [identity.cert], downgrade: true })
      assert.strictEqual((yield* get(lax, `${url}down`)).text, "there")
    })
  )

  it.live("requests with characters that HTTP does not allow are not sent", () =>
    Effect.gen(function* () {
      const web = yield* client()
      const header = HttpClientRequest.get("http://public.example/", { headers: { "x-a": "b\r\nx-c: d" } })
      assert.strictEqual(yield* Effect.flip(get(web, header)), "Invalid")
      const raw = HttpClientRequest.setBody(HttpClientRequest.post("http://public.example/"), HttpBody.raw(1))
      assert.strictEqual(yield* Effect.flip(get(web, raw)), "Invalid")
    })
  )

  it.live("an error tells neither query nor password, and can be stored", () =>
    Effect.gen(function* () {
      const web = yield* client()
      const failed = yield* Effect.flip(web.get("http://localhost:1/path?token=secret"))
      const error = Option.getOrThrow(WebClient.errorOf(failed))
      assert.strictEqual(
        error.message,
        "http://localhost:1/path: localhost is a name without a domain, which a private network resolves. " +
          "If it may be reached, name it in the option allow."
      )
      const stored = yield* Schema.encode(WebClient.WebError)(error)
      assert.deepStrictEqual((yield* Schema.decode(WebClient.WebError)(stored)).message, error.message)
      assert.isFalse(error.isRetryable)
    })
  )

  it("options that cannot be meant throw", () => {
    const wrong: ReadonlyArray<WebClient.Options> = [
      ...[
        { allow: ["http://x"] },
        { allow: [""] },
        { timeout: 0 },
        { timeout: "soon" as never },
        { connectTimeout: -1 }
      ],
      ...[{ maxBodyBytes: 0 }, { maxHeaderBytes: Number.NaN }, { maxRedirects: -1 }]
    ]
    for (const options of wrong) {
      assert.throws(() => Effect.runSync(WebClient.make(options)), /WebClient option/, JSON.stringify(options))
    }
  })

  it("errors of others have no such cause", () => assert.isTrue(Option.isNone(WebClient.errorOf(new Error("x")))))
})
