package import Core
import Models

/// When and where an answer holds.
package struct AnalyticsFrame: Sendable {
    package var asOf: EventTime
    package var zone: String

    package init(asOf: EventTime, zone: String) {
        self.asOf = asOf
        self.zone = zone
    }

    /// An answer: its name and moment, then what it says.
    package func answer(_ name: String, _ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        let time = asOf > .distantPast ? JSONValue.string(asOf.description) : .null
        return .object(
            [.init("name", .string(name)), .init("as_of", time), .init("timezone", .string(zone))]
                + members.map { .init($0.key, $0.value) })
    }
}

extension JSONValue {
    /// An object of these members, in this order.
    package static func fields(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { .init($0.key, $0.value) })
    }

    /// Millionths as money.
    static func money(_ millionths: Int128) -> JSONValue { .number(Double(millionths) / 1e6) }
    static func money(_ millionths: Int64) -> JSONValue { .money(Int128(millionths)) }

    static func optional(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    /// A share; null of nothing.
    static func ratio(_ part: Int64, _ whole: Int64) -> JSONValue {
        whole == 0 ? .null : .number(Double(part) / Double(whole))
    }

    /// Money for each; null of nothing.
    static func mean(_ millionths: Int128, _ count: Int64) -> JSONValue {
        count == 0 ? .null : .number(Double(millionths) / 1e6 / Double(count))
    }

    static func month(_ number: Int) -> JSONValue { .string(monthText(number)) }

    /// `YYYY-MM`.
    static func monthText(_ number: Int) -> String {
        let month = number % 12 + 1
        return "\(1970 + number / 12)-\(month < 10 ? "0" : "")\(month)"
    }

    static func day(_ number: Int32) -> JSONValue {
        var bytes: [UInt8] = []
        CalendarDate(dayNumber: number).appendText(to: &bytes)
        return .string(String(decoding: bytes, as: UTF8.self))
    }

    /// With further members behind its own.
    func with(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        guard case .object(let own) = self else { return self }
        return .object(own + members.map { .init($0.key, $0.value) })
    }
}

extension String {
    /// By bytes, so that the order is the same everywhere.
    func comesBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

extension Dictionary where Key == String {
    /// The largest first, ties by name.
    func ranked(_ size: (Value) -> Int64) -> [(name: String, value: Value)] {
        map { (name: $0.key, value: $0.value) }.sorted {
            size($0.value) != size($1.value)
                ? size($0.value) > size($1.value) : $0.name.comesBefore($1.name)
        }
    }
}

/// Users of a group, in the form that every table of users shares.
enum MemberView {
    static func fields(_ name: String, _ value: JSONValue, _ totals: MemberTotals, of users: Int64)
        -> JSONValue
    {
        let rate = Proportion(Double(totals.converted), of: Double(totals.users))
        return .object([.init(name, value)]).with([
            "users": .integer(totals.users),
            "share": .ratio(totals.users, users),
            "converted": .integer(totals.converted),
            "rate": .optional(rate.rate),
            "rate_low": totals.users == 0 ? .null : .number(rate.low),
            "rate_high": totals.users == 0 ? .null : .number(rate.high),
            "purchases": .integer(totals.purchases),
            "revenue": .money(totals.revenue),
            "order_value": .mean(totals.revenue, totals.purchases),
            "revenue_per_user": .mean(totals.revenue, totals.users),
        ])
    }
}

extension ChiSquareTest {
    var fields: JSONValue {
        .fields([
            "statistic": .number(statistic), "dof": .integer(Int64(freedom)), "p": .number(p.value),
            "log10_p": .number(p.log10), "cramers_v": .optional(cramersV), "yates": .bool(isCorrected),
        ])
    }
}
