import Core
import Testing

@testable import Status

/// What the forecast's call takes and refuses.
@Suite struct ForecastRouteTests {
    @Test func `what is asked reaches the daemon, twelve days ahead where nothing is said`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.get("/v1/analytics/forecast")
        #expect(answer.status == 200)
        #expect(answer.text == "{\"name\":\"forecast\"}\n")
        _ = try await daemon.get("/v1/analytics/forecast?user=a%2Fb&item=PD%201&horizon=90")
        _ = try await daemon.get("/v1/analytics/forecast?category=%ED%96%A5%EC%88%98")
        #expect(
            daemon.source.seen.forecasts == [
                ForecastQuestion(user: nil, item: nil, category: nil, horizon: 12),
                ForecastQuestion(user: Array("a/b".utf8), item: "PD 1", category: nil, horizon: 90),
                ForecastQuestion(user: nil, item: nil, category: "향수", horizon: 12),
            ])
    }

    @Test(arguments: [
        "horizon=0", "horizon=91", "horizon=x", "item=a", "user=a&item=b&category=c", "item_id=a",
        "category=a&category=b",
    ])
    func `what makes no question is refused`(query: String) async throws {
        let answer = try await Daemon().get("/v1/analytics/forecast?\(query)")
        #expect(answer.status == 400)
        #expect(answer.text.contains("bad_parameter"))
    }

    @Test func `what the daemon does not know is said with its code`() async throws {
        let answer = try await Daemon().get("/v1/analytics/forecast?category=nothing")
        #expect(answer.status == 404)
        #expect(answer.text.contains("unknown_category"))
    }
}
