import Core
import Testing

@testable import Status

/// A trace that is not shown, or a split that is answered for the wrong question.
@Suite struct DecisionRouteTests {
    @Test func `decisions of a user are told with their reasons`() async throws {
        let daemon = try Daemon()
        #expect(
            try await daemon.get("/v1/decisions?user=18.172369").text == """
                {"decisions":[{"at":"2024-12-09T00:00:00Z","due":"2024-12-09T00:00:00Z","rule":"win_back",\
                "decision":"capped"}],"too_little_data":["churn_risk"],"counts":{"sent":4,"capped":0}}

                """)
        #expect(
            try await daemon.get("/v1/decisions?user=nobody").text
                == "{\"decisions\":[],\"counts\":{\"sent\":4,\"capped\":0}}\n")
        for path in ["/v1/decisions", "/v1/decisions?user=", "/v1/decisions?usre=1"] {
            #expect(try await daemon.get(path).status == 400)
        }
    }

    @Test func `what is planned is told by day and one by one`() async throws {
        let daemon = try Daemon()
        let answer = try await daemon.get("/v1/schedule?from=2024-12-09&to=2024-12-10T00:00:00Z")
        #expect(
            answer.text == """
                {"as_of":"2024-12-09T00:00:00Z","from":"2024-12-09T00:00:00Z","to":"2024-12-10T00:00:00Z",\
                "days":[{"date":"2024-12-09","total":3,"held_out":1,"rules":{"churned":2,"win_back":1}}],\
                "rules":[{"rule":"churned","total":2,"held_out":1,\
                "expected_purchases":{"value":0.5,"low":-0.25,"high":1},\
                "expected_revenue":{"value":20,"low":0,"high":40.5},"clv_at_risk":12.5},\
                {"rule":"win_back","total":1,"held_out":0,"expected_purchases":null,"expected_revenue":null,\
                "reason":"nobody","clv_at_risk":null}],"clv_at_risk":null,\
                "sends":[{"due":"2024-12-09T00:00:00.000005Z","type":"win_back","rule":"win_back","user":"a",\
                "message":"back?","group":"treated"}]}

                """)
        for query in ["from=monday", "from=2024-12-09&to=2024-12-09", "limit=-1", "until=2024-12-09"] {
            #expect(try await daemon.get("/v1/schedule?\(query)").status == 400, "\(query)")
        }
    }

    @Test func `other systems may ask who is held out`() async throws {
        let daemon = try Daemon()
        #expect(
            try await daemon.get("/v1/holdout?user=a&rule=welcome").text
                == #"{"user":"a","rule":"welcome","group":"holdout","control":false}"# + "\n")
        #expect(
            try await daemon.get("/v1/holdout?user=a").text
                == #"{"user":"a","group":"holdout","control":false}"# + "\n")
        #expect(try await daemon.get("/v1/holdout?user=a&rule=x").status == 404)
        #expect(try await daemon.get("/v1/holdout?rule=welcome").status == 400)
    }
}
