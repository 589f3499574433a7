import Core

/// What is planned to be sent.
extension Router {
    /// `from` and `to` are days (UTC) or instants; a week from now where they are left out.
    func schedule(_ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let now = await source.status().now ?? EventTime(microseconds: 0)
        let from = try instant("from", parameters) ?? now
        let to = try instant("to", parameters) ?? from + 7 * Microseconds.day
        guard from < to else { throw .badParameter("to", "is not later than from") }
        let limit = Int(try parameters.number("limit", in: 0...100_000, default: 1000))
        let view = await source.schedule(from: from, to: to, limit: limit)
        return HTTPResponse(
            json: jsonBytes { json in
                json.beginObject()
                for (key, time) in [("as_of", view.asOf), ("from", from), ("to", to)] {
                    json.key(key)
                    json.value(time)
                }
                json.key("days")
                json.beginArray()
                for day in view.days { Self.encode(day, into: &json) }
                json.endArray()
                json.key("rules")
                json.beginArray()
                for rule in view.rules { Self.encode(rule, into: &json) }
                json.endArray()
                Self.encode("clv_at_risk", view.valueAtRisk, into: &json)
                json.key("sends")
                json.beginArray()
                for send in view.sends { TriggerEncoder.encodePlanned(send, into: &json) }
                json.endArray()
                json.endObject()
            })
    }

    private func instant(_ name: String, _ parameters: Parameters) throws(Refusal) -> EventTime? {
        guard let text = try parameters.text(name) else { return nil }
        if let instant = InstantText.parse(text) ?? InstantText.parse("\(text)T00:00:00Z") { return instant }
        throw .badParameter(name, "is no instant such as 2025-01-01T00:00:00Z, and no day such as 2025-01-01")
    }

    private static func encode(_ rule: ScheduleView.Rule, into json: inout JSONWriter) {
        json.beginObject()
        json.key("rule")
        json.value(rule.name)
        json.key("total")
        json.value(rule.sent)
        json.key("held_out")
        json.value(rule.heldOut)
        encode("expected_purchases", rule.purchases, into: &json)
        encode("expected_revenue", rule.revenue, into: &json)
        if let reason = rule.reason {
            json.key("reason")
            json.value(reason)
        }
        encode("clv_at_risk", rule.valueAtRisk, into: &json)
        json.endObject()
    }

    private static func encode(
        _ key: StaticString, _ estimate: ScheduleView.Estimate?, into json: inout JSONWriter
    ) {
        json.key(key)
        guard let estimate else { return json.null() }
        json.beginObject()
        json.key("value")
        json.value(estimate.value)
        json.key("low")
        json.value(estimate.low)
        json.key("high")
        json.value(estimate.high)
        json.endObject()
    }

    private static func encode(_ key: StaticString, _ value: Double?, into json: inout JSONWriter) {
        json.key(key)
        if let value { json.value(value) } else { json.null() }
    }

    private static func encode(_ day: ScheduleView.Day, into json: inout JSONWriter) {
        json.beginObject()
        json.key("date")
        json.value(day: day.date)
        json.key("total")
        json.value(day.rules.reduce(0) { $0 + $1.sent })
        json.key("held_out")
        json.value(day.rules.reduce(0) { $0 + $1.heldOut })
        json.key("rules")
        json.beginObject()
        for rule in day.rules {
            json.key(rule.rule)
            json.value(rule.sent)
        }
        json.endObject()
        json.endObject()
    }
}
