import Core
import Testing

@testable import Store

/// A retraction names what it withdraws, and what was never sent is not withdrawn.
struct OutboxRetractionTests {
    private func retracted(_ outbox: borrowing Outbox) throws -> [Int64?] {
        try lines(outbox, filter: everything).filter { $0["type"] == .string("retracted") }.map { line in
            guard case .integer(let seq)? = line["retracts"] else { return nil }
            return seq
        }
    }

    @Test func `it gets the number of the trigger, from this append or from an earlier one`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let old = (0..<2000).map { trigger("u\($0)", at: 100 + Int64($0 / 7), due: 40 + Int64($0 / 7)) }
        try outbox.append(through: 1, triggers: [(1, old)], wallNow: wallStart)
        let new = [trigger("x", at: 3000, due: 2900), trigger("y", at: 3000, due: 2900)]
        let withdrawals = [old[0], old[1999], old[777], new[1]].map { retraction(of: $0, at: 3001) }
        try outbox.append(through: 3, triggers: [(2, new), (3, withdrawals)], wallNow: wallStart)
        #expect(try retracted(outbox) == [1, 2000, 778, 2002])
        #expect(outbox.unmatchedRetractions == 0)
    }

    @Test func `rule and occurrence tell apart what shares user and due`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        var second = trigger("u", at: 50, due: 20)
        second.occurrence = 1
        let all = [trigger("u", at: 50, due: 20), second, trigger("u", at: 50, due: 20, rule: "win_back")]
        try outbox.append(through: 1, triggers: [(1, all)], wallNow: wallStart)
        let withdrawals = all.reversed().map { retraction(of: $0, at: 60) }
        try outbox.append(through: 2, triggers: [(2, withdrawals)], wallNow: wallStart)
        #expect(try retracted(outbox) == [3, 2, 1])
    }

    @Test(arguments: [Trigger.Group.holdout, .stale])
    func `the retraction of what was never sent takes no number`(group: Trigger.Group) throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let held = trigger("u", at: 50, due: 20, group: group)
        let after = trigger("v", at: 70)
        try outbox.append(
            through: 2, triggers: [(1, [held]), (2, [retraction(of: held, at: 60), after])],
            wallNow: wallStart)
        #expect(try retracted(outbox) == [])
        #expect(numbers(try lines(outbox, filter: everything)) == [1, 2])
    }

    @Test func `of what is not there it is stored without a number and counted`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        do {
            var outbox = try Outbox.open(path: path)
            let sent = trigger("u", at: 50, due: 20)
            let never = trigger("u", at: 50, due: 21)
            try outbox.append(
                through: 2,
                triggers: [
                    (1, [sent]),
                    (2, [retraction(of: never, at: 60), retraction(of: trigger("w", at: 90), at: 60)]),
                ], wallNow: wallStart)
            #expect(try retracted(outbox) == [nil, nil])
            #expect(outbox.unmatchedRetractions == 2)
        }
        #expect(try Outbox.open(path: path).unmatchedRetractions == 2)
    }

    @Test func `it is found among very many decided at one instant`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let count = Int(Outbox.searchRows) + 50_000
        let jumped = (0..<count).map { trigger("u\($0)", at: 1_000_000, due: Int64($0)) }
        let withdrawals = [jumped[count - 3], jumped[7]].map { retraction(of: $0, at: 1_000_001) }
        try outbox.append(through: 2, triggers: [(1, jumped), (2, withdrawals)], wallNow: wallStart)
        let page = try outbox.read(after: Int64(count), limit: 10, filter: everything)
        let text = String(decoding: page.lines, as: UTF8.self)
        #expect(text.contains("\"retracts\":\(count - 2),"))
        #expect(text.contains("\"retracts\":8,"))
    }

    @Test func `what was pruned or erased is unknown, what is kept is found, in one process or in the next`()
        throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        let sent = (0..<5000).map { trigger("u\($0 % 50)", at: 1000 + Int64($0), due: Int64($0)) }
        var record: UInt64 = 1
        func withdraw(_ places: [Int], _ outbox: inout Outbox) throws -> [Int64?] {
            let known = try retracted(outbox).count
            record += 1
            let rows = places.map { retraction(of: sent[$0], at: 10_000) }
            try outbox.append(through: record, triggers: [(record, rows)], wallNow: wallStart)
            return Array(try retracted(outbox).dropFirst(known))
        }
        do {
            var outbox = try Outbox.open(path: path)
            try outbox.append(through: 1, triggers: [(1, sent)], wallNow: wallStart)
            // Twice: what the first search read is held for the second.
            #expect(try withdraw([4999, 100, 2500], &outbox) == [5000, 101, 2501])
            #expect(try withdraw([4998, 101, 2501], &outbox) == [4999, 102, 2502])
            while try outbox.prune(wallNow: wallStart, age: 1 << 50, count: 4000) {}
            _ = try outbox.erase(user: Array("u7".utf8), from: 0)
            #expect(try withdraw([50, 3007, 3008], &outbox) == [nil, nil, 3009])
        }
        var again = try Outbox.open(path: path)
        #expect(try withdraw([51, 3057, 3009], &again) == [nil, nil, 3010])
    }
}
