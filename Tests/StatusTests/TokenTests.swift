import Testing

@testable import Status

/// With a token configured nothing but the probes is told to strangers.
@Suite struct TokenTests {
    @Test func `without the token only the probes answer`() async throws {
        let daemon = try Daemon(token: "s3cret")
        #expect(try await daemon.get("/healthz").status == 200)
        #expect(try await daemon.get("/readyz").status == 200)
        for target in ["/metrics", "/v1/status", "/v1/users/x", "/nowhere", "/v1/live"] {
            let answer = try await daemon.get(target)
            #expect(answer.status == 401, "\(target)")
            #expect(answer.text.hasPrefix(#"{"error":{"code":"unauthorized","#))
            #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
        }
        let post = try await daemon.ask("POST", "/v1/events", body: Array("{}".utf8))
        #expect(post.status == 401)
        #expect(daemon.source.seen.bodies.isEmpty)
    }

    @Test func `the token must be whole and the scheme Bearer`() async throws {
        let daemon = try Daemon(token: "s3cret")
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Basic s3cret", "s3cret", "Bearer S3CRET"]
        {
            let answer = try await daemon.ask("GET", "/v1/status", headers: ["Authorization: \(wrong)"])
            #expect(answer.status == 401, "\(wrong)")
        }
        for right in ["Bearer s3cret", "bearer s3cret"] {
            let answer = try await daemon.ask("GET", "/v1/status", headers: ["Authorization: \(right)"])
            #expect(answer.status == 200)
        }
    }
}
