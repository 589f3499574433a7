import Core
import Testing

@testable import Store

/// Readers get exactly the lines they asked for and never lose their place.
struct OutboxReadTests {
    @Test func `a line has the contract's members in the contract's order`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let day = Int64(20_066)
        var full = trigger("1000002345.17", at: day * testDay, rule: "repurchase_due")
        full.segment = "loyal"
        full.tier = "Gold"
        full.score = 0.83
        full.model = "repurchase@12"
        full.predicted = .init(date: Int32(day), p10: Int32(day) - 3, p90: Int32(day) + 6)
        full.items = [.init(itemID: "PD0045", score: 3.1, by: "rules")]
        full.message = "Zeit für \"Neues\""
        full.why = [
            .init(feature: "days_since_last", value: 24, contribution: 0.41), .init(feature: "n", value: 2),
        ]
        full.from = "a"
        full.to = "b"
        full.occurrence = 300
        full.group = .holdout
        let nobody = trigger("", at: day * testDay, rule: "sales_decline")
        try outbox.append(through: 1, triggers: [(1, [full, nobody])], wallNow: wallStart)
        let page = try outbox.read(after: 0, limit: 10, filter: everything)
        let expected = """
            {"seq":1,"id":"\(full.id.text)","type":"repurchase_due","rule":"repurchase_due",\
            "user":"1000002345.17","at":"2024-12-09T00:00:00Z","due":"2024-12-09T00:00:00Z",\
            "segment":"loyal","tier":"Gold","score":0.83,"model":"repurchase@12",\
            "predicted":{"date":"2024-12-09","p10":"2024-12-06","p90":"2024-12-15"},\
            "items":[{"item_id":"PD0045","score":3.1,"by":"rules"}],"message":"Zeit für \\"Neues\\"",\
            "why":[{"feature":"days_since_last","value":24,"contribution":0.41},\
            {"feature":"n","value":2}],"why_text":"n 2; making it later: no purchase for 24 days",\
            "from":"a","to":"b","group":"holdout"}
            {"seq":2,"id":"\(nobody.id.text)","type":"sales_decline","rule":"sales_decline",\
            "at":"2024-12-09T00:00:00Z","due":"2024-12-09T00:00:00Z","group":"treated"}

            """
        #expect(String(decoding: page.lines, as: UTF8.self) == expected)
    }

    @Test func `a filter by type, user and group passes what it says and looks at all`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let all = (0..<60).map { index in
            trigger(
                "u\(index % 5)", at: Int64(index), rule: index % 2 == 0 ? "churned" : "welcome",
                group: Outbox.groups[index % 3])
        }
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        for limit in [1, 3, 1000] {
            for types in [nil, [], ["welcome"], ["churned", "welcome"], ["unheard"]] as [[String]?] {
                for user in [nil, "u3", "u"] as [String?] {
                    for (holdout, stale) in [(false, false), (true, false), (false, true), (true, true)] {
                        let filter = TriggerFilter(
                            types: types, user: user.map { Array($0.utf8) }, includeHoldout: holdout,
                            includeStale: stale)
                        let expected = all.indices.filter { index in
                            let it = all[index]
                            return types?.contains(it.type) ?? true
                                && user.map { Array($0.utf8) == it.user } ?? true
                                && (holdout || it.group != .holdout) && (stale || it.group != .stale)
                        }
                        let found = try lines(outbox, limit: limit, filter: filter)
                        #expect(numbers(found) == expected.map { Int64($0 + 1) })
                    }
                }
            }
        }
    }

    @Test func `a read looks at a bounded stretch and says how far it came`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let count = Outbox.readStretch + 10
        var all = (0..<count).map { _ in trigger("u", rule: "churned") }
        all[Int(count) - 1] = trigger("v", rule: "welcome")
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        let filter = TriggerFilter(types: ["welcome"])
        let first = try outbox.read(after: 0, limit: 5, filter: filter)
        #expect((first.count, first.through, first.last) == (0, Outbox.readStretch, count))
        let second = try outbox.read(after: first.through, limit: 5, filter: filter)
        #expect((second.count, second.through) == (1, count))
    }

    @Test func `outside what is kept the page says where it begins and ends`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let empty = try outbox.read(after: 0, limit: 5, filter: everything)
        #expect((empty.count, empty.through, empty.oldest, empty.last) == (0, 0, 1, 0))
        let all = (0..<10).map { trigger("u\($0)") }
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        let beyond = try outbox.read(after: 12, limit: 5, filter: everything)
        #expect((beyond.count, beyond.through, beyond.last) == (0, 12, 10))
        let last = try outbox.read(after: 9, limit: 5, filter: everything)
        #expect((last.count, last.through) == (1, 10))
    }

    @Test func `an erased user's triggers keep their numbers and nothing else`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let all = (0..<6).map { trigger("u\($0 % 2)", group: $0 == 1 ? .holdout : .treated) }
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        #expect(try outbox.erase(user: Array("u1".utf8), from: 1) == nil)
        let page = try outbox.read(after: 0, limit: 10, filter: TriggerFilter())
        let text = String(decoding: page.lines, as: UTF8.self).split(separator: "\n")
        #expect(text.count == 6)
        for index in [1, 3, 5] { #expect(text[index] == "{\"seq\":\(index + 1),\"type\":\"erased\"}") }
        #expect(numbers(try lines(outbox, filter: TriggerFilter(types: ["erased"]))) == [2, 4, 6])
        #expect(try lines(outbox, filter: TriggerFilter(user: Array("u1".utf8))) == [])
    }

    @Test func `retention goes by count and by wall age, and numbers go on`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        var outbox = try Outbox.open(path: path)
        for day in 0..<10 {
            let all = (0..<10).map { trigger("u\($0)", at: Int64(day)) }
            try outbox.append(
                through: UInt64(day + 1), triggers: [(UInt64(day + 1), all)],
                wallNow: wallStart + Int64(day) * testDay)
        }
        let now = wallStart + 9 * testDay
        #expect(try !outbox.prune(wallNow: now, age: 30 * testDay, count: 1000))
        #expect(outbox.oldest == 1)
        #expect(try !outbox.prune(wallNow: now, age: 30 * testDay, count: 85))
        #expect(outbox.oldest == 16)
        #expect(try !outbox.prune(wallNow: now, age: 6 * testDay + testDay / 2, count: 85))
        #expect(outbox.oldest == 31)
        #expect(numbers(try lines(outbox)) == Array(31...100))
        #expect(try !outbox.prune(wallNow: now + 400 * testDay, age: testDay, count: 85))
        #expect((outbox.oldest, outbox.last) == (101, 100))
        var again = try Outbox.open(path: path)
        #expect((again.oldest, again.last, again.lastRecord) == (101, 100, 10))
        try again.append(through: 11, triggers: [(11, [trigger("u", at: 50)])], wallNow: now)
        #expect(numbers(try lines(again)) == [101])
    }

    @Test func `retention takes bounded steps`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let all = (0..<Outbox.stepRows * 2).map { _ in trigger("u") }
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        #expect(try outbox.prune(wallNow: wallStart, age: testDay, count: 5))
        #expect(outbox.oldest == Outbox.stepRows + 1)
        #expect(try !outbox.prune(wallNow: wallStart, age: testDay, count: 5))
        #expect(outbox.oldest == Outbox.stepRows * 2 - 4)
    }
}
