import Core
import Testing

@testable import Status

/// A receipt that cannot be polled, or an erasure of another user.
struct ErasureRouteTests {
    private var pending: ErasureView {
        var removed = ErasureView.Removed()
        removed.events = 12
        return ErasureView(
            receipt: "r1", requestedAt: EventTime(microseconds: 1_733_702_400_000_000), doneAt: nil,
            dueAt: EventTime(microseconds: 1_733_706_000_000_000), removed: removed)
    }

    private var done: ErasureView {
        var done = pending
        done.receipt = "r2"
        done.dueAt = nil
        done.doneAt = EventTime(microseconds: 1_733_702_460_000_000)
        done.removed.triggers = 3
        done.removed.search = ErasureView.Search(bytes: 4096, found: 0)
        return done
    }

    @Test func `an erasure is accepted with a receipt and where to ask about it`() async throws {
        let daemon = try Daemon(FakeSource { $0.erasures = [pending] })
        let answer = try await daemon.ask("DELETE", "/v1/users/a%2Fb%20c")
        #expect(answer.status == 202)
        #expect(answer.header("Location") == "/v1/erasures/r1")
        #expect(daemon.source.seen.ids == [Array("a/b c".utf8)])
        #expect(
            answer.text == """
                {"receipt":"r1","state":"pending","requested_at":"2024-12-09T00:00:00Z",\
                "due_at":"2024-12-09T01:00:00Z","removed":{"events":12},\
                "not_erased":["backups taken before this was requested"]}

                """)
    }

    @Test func `a receipt tells what was removed, and what was not`() async throws {
        let daemon = try Daemon(FakeSource { $0.erasures = [pending, done] })
        let answer = try await daemon.get("/v1/erasures/r2")
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"receipt":"r2","state":"done","requested_at":"2024-12-09T00:00:00Z",\
                "done_at":"2024-12-09T00:01:00Z","removed":{"events":12,"triggers":3,"dead_letters":0,\
                "journal_segments":0,"journal_bytes":0,"archived_segments":0,"snapshots":0},"search":{"bytes":4096,"found":0},\
                "not_erased":["backups taken before this was requested"]}

                """)
        #expect(try await daemon.get("/v1/erasures/r3").status == 404)
        #expect(try await daemon.ask("DELETE", "/v1/erasures/r2").status == 405)
    }

    @Test func `a request that cannot be kept is not accepted`() async throws {
        let daemon = try Daemon()
        #expect(try await daemon.ask("DELETE", "/v1/users/x").status == 503)
        #expect(try await daemon.ask("DELETE", "/v1/users/").status == 400)
        #expect(try await daemon.ask("DELETE", "/v1/users").status == 405)
    }

    @Test func `erasing needs the token like everything else`() async throws {
        let daemon = try Daemon(FakeSource { $0.erasures = [pending] }, token: "secret")
        #expect(try await daemon.ask("DELETE", "/v1/users/x").status == 401)
        #expect(daemon.source.seen.ids.isEmpty)
    }
}

/// A backup into a directory that nobody named, or an answer that does not say what came of it.
struct BackupRouteTests {
    @Test func `a backup answers with what was copied`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.ask(
            "POST", "/v1/backup", body: Array(#"{"directory":"/backups/one"}"#.utf8))
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"directory":"/backups/one","record":9,"files":70,"bytes":1000,"seconds":0.5}

                """)
        let refused = try await daemon.ask(
            "POST", "/v1/backup", body: Array(#"{"directory":"/full"}"#.utf8))
        #expect(refused.status == 500)
        #expect(refused.text.contains("/full is not empty"))
    }

    @Test func `a body that names no directory is refused`() async throws {
        let daemon = try Daemon()
        for body in ["", "{", "[]", "{}", #"{"directory":1}"#] {
            #expect(try await daemon.ask("POST", "/v1/backup", body: Array(body.utf8)).status == 400)
        }
        #expect(try await daemon.get("/v1/backup").status == 405)
    }
}
