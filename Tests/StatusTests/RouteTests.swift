import Core
import Foundation
import Testing

@testable import Status

/// Every call of the contract's table, over a real socket.
@Suite struct RouteTests {
    private func object(_ answer: Answer) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? NSDictionary)
    }

    @Test func `healthz and readyz say yes, or no and why`() async throws {
        let well = try Daemon()
        #expect(try await well.get("/healthz").text == "{\"status\":\"ok\"}\n")
        #expect(try await well.get("/readyz?probe=1").status == 200)
        let ill = try Daemon(
            FakeSource {
                $0.health = "no room on disk"
                $0.readiness = "replaying the journal"
            })
        let answer = try await ill.get("/healthz")
        #expect(answer.status == 503)
        #expect(answer.text == #"{"error":{"code":"unhealthy","detail":"no room on disk"}}"# + "\n")
        #expect(try await ill.get("/readyz").text.contains("replaying the journal"))
    }

    @Test func `status has the contract's members in their order`() async throws {
        let answer = try await Daemon().get("/v1/status")
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"version":"0.1.0","store":"7d1f","uptime_s":12.5,"clock":{"mode":"event",\
                "watermark":"2024-12-08T23:59:00.5Z","now":"2024-12-09T00:00:00.5Z"},\
                "ingest":{"connections":7,"lines":7,"events":7,"rejected":7,"late":7,"duplicates":7,"bytes":7,\
                "rejected_by":{"bad_json":2,"not_object":0}},"users":40,"shards":2,"partitions":64,\
                "journal":{"records":9,"bytes":900},"outbox":{"last_seq":1042,"oldest":1,"subscribers":1},\
                "decisions":{"sent":4,"capped":0},"sinks":[],\
                "models":{"segments":{"version":3,"fitted_at":"2024-12-09T00:00:00Z","adopted":true}},\
                "memory_bytes":1048576,"state_bytes":1024}

                """)
    }

    @Test func `a clock that has seen nothing is null`() async throws {
        let daemon = try Daemon(
            FakeSource {
                $0.status.now = nil
                $0.status.watermark = nil
            })
        #expect(try await daemon.get("/v1/status").text.contains(#""watermark":null,"now":null"#))
    }

    @Test func `segments, tiers and grades carry their shares`() async throws {
        let answer = try await Daemon().get("/v1/segments")
        #expect(
            answer.text == """
                {"as_of":"2024-12-09T00:00:00Z","model":"segments@3","segments":[\
                {"id":0,"name":"loyal","users":30,"share":0.75,"converted_rate":0.5,"centroid":{"purchase":2.5}},\
                {"id":1,"name":"outlier","users":10,"share":0.25,"converted_rate":0,"centroid":{}},\
                {"id":2,"name":"odd \\"one\\"","users":0,"share":0,"converted_rate":null,"centroid":{}}],\
                "tiers":[{"name":"VIP","users":3,"share":0.75,"revenue_share":0.9},\
                {"name":"At Risk","users":1,"share":0.25,"revenue_share":0.1}],\
                "grades":[{"name":"G1","users":0,"share":0,"revenue_share":0}]}

                """)
    }

    @Test func `models are listed without, and shown with their history`() async throws {
        let daemon = try Daemon()
        let head = """
            {"name":"segments","version":3,"adopted":true,"reason":"first","fitted_at":"2024-12-09T00:00:00Z",\
            "seconds":1.5,"data":{"users":1234,"from":"2024-07-01T00:00:00Z","to":null},"parameters":{"k":6},\
            "metrics":{"inertia":2.5},"baseline":{"inertia":3}
            """
        #expect(try await daemon.get("/v1/models").text == "{\"models\":[\(head)}]}\n")
        let history = """
            {"version":4,"adopted":false,"reason":"no better","fitted_at":"2024-12-09T00:00:00Z","seconds":1.5,\
            "metrics":{"inertia":2.5}},{"version":3,"adopted":true,"reason":"first",\
            "fitted_at":"2024-12-09T00:00:00Z","seconds":1.5,"metrics":{"inertia":2.5}}
            """
        #expect(try await daemon.get("/v1/models/segments").text == "\(head),\"history\":[\(history)]}\n")
        #expect(try await daemon.get("/v1/models/nope").status == 404)
    }

    @Test func `a refit answers with its verdict, or the source's error`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.ask("POST", "/v1/models/segments/refit")
        #expect(
            answer.text == #"{"name":"segments","version":5,"adopted":true,"reason":"better by 0.1"}"# + "\n")
        let unknown = try await daemon.ask("POST", "/v1/models/nope/refit", body: Array("{}".utf8))
        #expect(unknown.status == 404)
        #expect(unknown.text == #"{"error":{"code":"unknown_model","detail":"no model nope"}}"# + "\n")
    }

    @Test func `a version is put back by its number`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.ask("POST", "/v1/models/segments/use?version=3")
        #expect(
            answer.text
                == #"{"name":"segments","version":3,"adopted":true,"reason":"put back on request"}"# + "\n")
        #expect(try await daemon.ask("POST", "/v1/models/segments/use?version=4").status == 404)
        for query in ["", "?version=0", "?version=x", "?version=1&other=2"] {
            #expect(try await daemon.ask("POST", "/v1/models/segments/use\(query)").status == 400, "\(query)")
        }
        #expect(try await daemon.get("/v1/models/segments/use?version=3").status == 405)
    }

    @Test func `triggers are spliced into one object, page by page`() async throws {
        let daemon = try Daemon(
            FakeSource { script in
                script.triggers = (1...25).map {
                    #"{"seq":\#($0),"type":"\#($0 % 2 == 0 ? "welcome" : "churned")"}"#
                }
            })
        let all = try object(await daemon.get("/v1/triggers"))
        #expect((all["triggers"] as? [NSDictionary])?.map { $0["seq"] as? Int } == Array(1...25))
        #expect(all["last_seq"] as? Int == 25)
        #expect(all["next_after"] as? Int == 25)
        #expect(all["oldest"] as? Int == 1)
        let some = try object(await daemon.get("/v1/triggers?after=3&limit=12&type=welcome&user=a%2Fb"))
        #expect(
            (some["triggers"] as? [NSDictionary])?.compactMap { $0["seq"] as? Int } == [
                4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
            ])
        let few = try object(await daemon.get("/v1/triggers?after=3&limit=2&type=welcome,other"))
        #expect(few["next_after"] as? Int == 6)
        let none = try await daemon.get("/v1/triggers?after=99")
        #expect(none.text == #"{"triggers":[],"oldest":1,"last_seq":25,"next_after":99}"# + "\n")
        let filters = daemon.source.seen.filters
        #expect(filters[0].includeHoldout && filters[0].includeStale && filters[0].types == nil)
        #expect(filters.contains { $0.user == Array("a/b".utf8) && $0.types == ["welcome"] })
    }

    @Test func `groups can be left out of the triggers`() async throws {
        let daemon = try Daemon()
        _ = try await daemon.get("/v1/triggers?include_holdout=false&include_stale=0")
        let filter = try #require(daemon.source.seen.filters.first)
        #expect(!filter.includeHoldout && !filter.includeStale)
    }

    @Test func `dead letters are told with their lines, those that are no UTF-8 in base64 too`() async throws
    {
        let at = EventTime(microseconds: 1_733_702_400_000_000)
        let daemon = try Daemon(
            FakeSource { script in
                script.deadLetters = (1...120).map {
                    DeadLetterView(
                        seq: $0, code: "bad_json", detail: "at 3", line: Array("{\"\($0)".utf8),
                        receivedAt: at)
                }
                script.deadLetters[0].line = [0x7B, 0xFF]
            })
        let one = try await daemon.get("/v1/dead-letters?limit=1")
        #expect(
            one.text == """
                {"dead_letters":[{"seq":1,"code":"bad_json","detail":"at 3","line":"{\u{FFFD}","line_base64":"e/8=",\
                "received_at":"2024-12-09T00:00:00Z"}],"next_after":1}

                """)
        let rest = try object(await daemon.get("/v1/dead-letters?after=1"))
        #expect((rest["dead_letters"] as? [NSDictionary])?.count == 119)
        #expect(rest["next_after"] as? Int == 120)
    }

    @Test func `the live stream is server-sent events, and gives its place back at the end`() async throws {
        let feed = FakeFeed([
            [LiveEvent("rates", Array("{}".utf8)), LiveEvent("segments", Array("[1]".utf8))], [],
            [LiveEvent("rates", Array("{\"x\":2}".utf8))],
        ])
        let daemon = try Daemon(FakeSource { $0.live = feed })
        let answer = try await daemon.get("/v1/live")
        #expect(answer.status == 200 && answer.header("Content-Type") == "text/event-stream")
        #expect(
            answer.text == """
                event: rates\ndata: {}\n\nevent: segments\ndata: [1]\n\n: \n\nevent: rates\ndata: {"x":2}\n\n
                """)
        await feed.closed.wait()
        let refused = try await Daemon().get("/v1/live")
        #expect(refused.status == 503 && refused.text.contains(#""code":"over_limit""#))
        #expect(try await daemon.get("/v1/live?x=1").status == 400)
    }

    @Test func `an analysis gets its parameters decoded, each once, and is known by its name`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.get("/v1/analytics/overview?days=7&by=a%20b")
        #expect(answer.status == 200 && answer.text == "{\"by\":\"a b\",\"days\":\"7\"}\n")
        #expect(answer.header("Content-Type") == "application/json")
        let unknown = try await daemon.get("/v1/analytics/horoscope")
        #expect(unknown.status == 404 && unknown.text.contains(#""code":"unknown_analysis""#))
        for target in ["/v1/analytics/overview?days=7&days=8", "/v1/analytics/overview?by=%ff"] {
            #expect(try await daemon.get(target).status == 400)
        }
        #expect(try await daemon.get("/v1/analytics/").status == 400)
    }

    @Test func `every answer forbids caches and guessing`() async throws {
        let daemon = try Daemon()
        for target in ["/healthz", "/v1/status", "/metrics", "/v1/users", "/nowhere"] {
            let answer = try await daemon.get(target)
            #expect(answer.header("Cache-Control") == "no-store")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
        }
        #expect(try await daemon.get("/v1/status").header("Content-Type") == "application/json")
        #expect(try await daemon.get("/v1/users").header("Content-Type") == "application/x-ndjson")
    }

    @Test func `HEAD is GET without the body`() async throws {
        let daemon = try Daemon(FakeSource { $0.list = FakeList(total: 10) })
        let get = try await daemon.get("/v1/status")
        let address = daemon.address
        let targets = ["/v1/status", "/healthz", "/metrics", "/v1/users", "/v1/triggers", "/v1/users/none"]
        let answers = try await onThread {
            try targets.map { target in
                let client = try HTTPClient(address)
                let answer = try client.ask("HEAD", target)
                client.endSending()
                #expect(try client.readToEnd().isEmpty, "a body after HEAD \(target)")
                return answer
            }
        }
        #expect(answers.map(\.status) == [200, 200, 200, 200, 200, 404])
        #expect(answers[0].header("Content-Length") == get.header("Content-Length"))
        #expect(answers[3].header("last_seq") == "1042")
        await daemon.source.script.list.closed.wait()
        #expect(daemon.source.script.list.produced == 0)
    }
}
