import Core
import Testing

@testable import Status

/// What a client does wrong is told to it, and only to it.
@Suite struct RequestErrorTests {
    @Test func `an unknown path is 404 with an error object`() async throws {
        let daemon = try Daemon()
        let targets = [
            "/v1", "/v1/status/", "/v1/users/", "/v1/models/", "/v1/models/a/b", "/v1/models/a/refit/b",
            "/x\"y",
        ]
        for target in targets {
            let answer = try await daemon.get(target)
            #expect(answer.status == 404 || answer.status == 400, "\(target)")
            #expect(answer.text.hasPrefix(#"{"error":{"code":""#), "\(target)")
            #expect(answer.header("Content-Type") == "application/json")
        }
    }

    @Test func `a wrong method is 405 and names the right ones`() async throws {
        let daemon = try Daemon()
        let post = try await daemon.ask("POST", "/v1/status", body: Array("x".utf8))
        #expect(post.status == 405)
        #expect(post.header("Allow") == "GET, HEAD")
        #expect(post.text.contains(#""code":"method_not_allowed""#))
        for target in ["/v1/events", "/v1/models/segments/refit"] {
            let get = try await daemon.get(target)
            #expect(get.status == 405)
            #expect(get.header("Allow") == "POST")
        }
        #expect(try await daemon.ask("BREW", "/healthz").status == 405)
        #expect(try await daemon.ask("PUT", "/v1/users/x", body: []).status == 405)
    }

    @Test(arguments: [
        ("/v1/triggers?after=x", "after"), ("/v1/triggers?after=-1", "after"),
        ("/v1/triggers?limit=0", "limit"), ("/v1/triggers?limit=99999999999999999999", "limit"),
        ("/v1/triggers?limit=", "limit"), ("/v1/triggers?limit=1&limit=2", "limit"),
        ("/v1/triggers?include_stale=yes", "include_stale"), ("/v1/triggers?user=%4", "user"),
        ("/v1/triggers?type=%FF", "type"), ("/v1/dead-letters?limit=-3", "limit"),
        ("/v1/users?segmnt=loyal", "segmnt"), ("/v1/status?verbose=1", "verbose"), ("/v1/users/%zz", "ID"),
        ("/v1/users/%e", "ID"), ("/v1/models/%FF", "NAME"),
    ])
    func `a bad parameter is 400 and named`(target: String, name: String) async throws {
        let answer = try await Daemon().get(target)
        #expect(answer.status == 400)
        #expect(
            answer.text.hasPrefix(#"{"error":{"code":"bad_parameter","detail":"\#(name): "#), "\(answer.text)"
        )
    }

    @Test func `the source's refusal keeps its status and code`() async throws {
        let answer = try await Daemon().get("/v1/users?segment=nowhere")
        #expect(answer.status == 404)
        #expect(answer.text == #"{"error":{"code":"unknown_segment","detail":"no segment nowhere"}}"# + "\n")
    }

    @Test func `an id is its bytes, percent-decoded`() async throws {
        let ids: [(String, [UInt8])] = [
            ("a%2Fb", Array("a/b".utf8)), ("100%25", Array("100%".utf8)), ("a+b", Array("a+b".utf8)),
            ("%EA%B9%80%ec%B2%A0", Array("김철".utf8)), ("a%00b", [0x61, 0, 0x62]), ("%ff", [0xFF]),
            ("a/b", Array("a/b".utf8)), ("a%3Fb%23c", Array("a?b#c".utf8)), ("%2525", Array("%25".utf8)),
            ("a;b=c&d", Array("a;b=c&d".utf8)), ("1000002345.17", Array("1000002345.17".utf8)),
        ]
        let daemon = try Daemon(
            FakeSource { script in
                for (_, id) in ids {
                    var user = UserView()
                    user.user = id
                    script.users[id] = user
                }
            })
        for (text, id) in ids {
            let answer = try await daemon.get("/v1/users/\(text)")
            #expect(answer.status == 200, "\(text)")
            #expect(daemon.source.seen.ids.last == id, "\(text)")
        }
        #expect(try await daemon.get("/v1/users/A%2Fb").status == 404)
        #expect(try await daemon.get("http://\(daemon.address)/v1/users/a%2Fb").status == 200)
    }

    @Test func `names of segments, tiers and grades are percent-decoded too`() async throws {
        let daemon = try Daemon()
        _ = try await daemon.get("/v1/users?segment=at%5Frisk%20%2B+")
        _ = try await daemon.get("/v1/users?tier=At%20Risk&grade=G%31")
        _ = try await daemon.get("/v1/users?tier=At+Risk")
        #expect(
            daemon.source.seen.lists == [
                UserFilter(segment: "at_risk ++"), UserFilter(tier: "At Risk", grade: "G1"),
                UserFilter(tier: "At Risk"),
            ])
    }

    @Test func `a segmentation is asked for by name, and an unknown one is an error`() async throws {
        let daemon = try Daemon()
        #expect(try await daemon.get("/v1/segments?by=value").text.contains(#""model":"value@3""#))
        let unknown = try await daemon.get("/v1/segments?by=shoes")
        #expect(unknown.status == 404)
        #expect(
            unknown.text
                == #"{"error":{"code":"unknown_segmentation","detail":"no segmentation shoes"}}"# + "\n")
        #expect(try await daemon.get("/v1/segments?for=value").status == 400)
        _ = try await daemon.get("/v1/users?segment=star&by=payments")
        #expect(
            daemon.source.seen.lists == [UserFilter(segment: "star", segmentation: "payments")])
    }
}
