/**
 * Logins with a browser of this machine: the options of `Mcp.Service.login` over a server that the browser comes back to.
 */
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import * as LoginPage from "../internal/loginPage.ts"
import type * as Mcp from "./Mcp.ts"

/**
 * Makes the options of a login whose browser comes back to the server provided: one on `localhost`, on any port. The page is
 * served only as long as the login takes.
 *
 * **Details**
 *
 * - `show`: opens a browser at the address, or prints it.
 * - `timeout`: how long the person may take. Default 5 minutes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const browser = (
  options: Pick<Mcp.LoginOptions, "show" | "timeout">
): Effect.Effect<Mcp.LoginOptions, never, HttpServer.HttpServer> =>
  Effect.map(HttpServer.HttpServer, (server) => {
    const { address } = server
    const redirectUrl = `http://localhost:${address._tag === "TcpAddress" ? address.port : 80}${path}`
    const answer: Mcp.LoginOptions["answer"] = (state) =>
      Effect.gen(function* () {
        const page = LoginPage.make(state, path)
        // A span of the request would show the code.
        yield* HttpMiddleware.withTracerDisabledWhenEffect(HttpServer.serveEffect(page.app), () => true)
        const given = yield* page.answer
        const isAgreed = given._tag === "Code"
        yield* page.show({
          title: isAgreed ? "Logged in" : "Not logged in",
          text: isAgreed ? "You can close this page and go back to the program." : `The login was denied: ${given.why}`
        })
        const query = isAgreed ? { code: given.code, state } : { error: given.why, state }
        return `${redirectUrl}?${new URLSearchParams(query)}`
      }).pipe(Effect.scoped, Effect.provideService(HttpServer.HttpServer, server))
    return { ...options, redirectUrl, answer }
  })

// internal

const path = "/callback"
