import Models
import Testing

@Suite struct SegmentNamingTests {
    /// Five kinds of users whose names nobody would dispute.
    private func kinds(extra: Bool = false) -> (table: Table, names: [String]) {
        var names = ["vip", "loyal", "newcomer", "at_risk", "dormant"]
        // purchases, sessions, revenue, silence, age
        var profile: [[Double]] = [
            [30, 60, 3_000_000, 2, 170], [10, 40, 500_000, 4, 160], [0, 2, 0, 3, 5],
            [8, 20, 450_000, 90, 170], [0, 1, 0, 140, 141],
        ]
        if extra {
            names.append("checkout_heavy")
            profile.append([1, 25, 40_000, 30, 90])
        }
        var features = [[Double]](repeating: [], count: 3)
        var sides = [[Double]](repeating: [], count: 4)
        for (index, kind) in profile.enumerated() {
            for user in 0..<30 {
                features[0].append(kind[0] + Double(user % 2))
                features[1].append(kind[1] + Double(user % 3))
                features[2].append(index == 5 ? 60 : Double(user % 2) + (index == 4 ? 10 : 0))
                sides[0].append(kind[3])
                sides[1].append(kind[2] > 0 ? kind[3] : .nan)
                sides[2].append(kind[2])
                sides[3].append(kind[4])
            }
        }
        var table = Table(features, names: ["purchase", "session_start", "begin_checkout"])
        (table.daysSinceLastEvent, table.daysSinceLastPurchase) = (sides[0], sides[1])
        (table.revenue, table.daysSinceFirstEvent) = (sides[2], sides[3])
        return (table, names)
    }

    private func names(_ table: Table, k: Int) throws -> [String] {
        var config = table.config
        config.k = k
        config.restarts = 10
        let model = try table.fit(config).model
        return stride(from: 0, to: table.users, by: 30).map { user in
            let id = table.row(user).withUnsafeBufferPointer { model.assign(features: $0.baseAddress!) }
            return model.name(of: id) ?? ""
        }
    }

    @Test func `groups are called what their members are like`() throws {
        let (table, wanted) = kinds()
        #expect(try names(table, k: 5) == wanted)
    }

    @Test func `a surplus group is called after what it does most`() throws {
        let (table, wanted) = kinds(extra: true)
        #expect(try names(table, k: 6) == wanted)
    }

    @Test(arguments: [1, 3, 9]) func `a few users are no loyal, at-risk or best customers`(_ few: Int) throws
    {
        let (all, _) = kinds()
        // Of the vip, the loyal and those at risk only a few are there; the others stay thirty each.
        let rows = (0..<all.users).filter { [2, 4].contains($0 / 30) || $0 % 30 < few }
        let table = all.reordered(rows)
        var config = table.config
        config.k = 5
        config.restarts = 10
        let model = try table.fit(config).model
        for segment in model.segments where segment.users < 10 {
            #expect(!["vip", "loyal", "newcomer", "at_risk", "dormant"].contains(segment.name))
        }
        #expect(Set(model.segments.map(\.name)).isSuperset(of: ["newcomer", "dormant"]))
    }

    @Test func `who spends and is as silent as others is not loyal`() throws {
        var (table, _) = kinds()
        table.daysSinceLastEvent = table.daysSinceLastEvent.map { _ in 50 }
        table.daysSinceLastPurchase = table.daysSinceLastPurchase.map { $0.isNaN ? $0 : 50 }
        #expect(try !names(table, k: 5).contains("loyal"))
    }

    @Test func `a group keeps its name while it is alike and loses it when it has become another`() throws {
        let (table, wanted) = kinds()
        var config = table.config
        config.k = 5
        config.restarts = 10
        let first = try table.fit(config).model
        func refitted(_ change: (inout Table) -> Void) throws -> [String] {
            var changed = table
            change(&changed)
            let model = try changed.fit(config, seed: 3, previous: first).model
            return stride(from: 0, to: changed.users, by: 30).map { user in
                let id = changed.row(user).withUnsafeBufferPointer { model.assign(features: $0.baseAddress!) }
                return model.name(of: id) ?? ""
            }
        }
        // A little more and a little less of everything.
        let alike = try refitted { table in
            table.revenue = table.revenue.map { $0 * 0.9 }
            table.daysSinceLastEvent = table.daysSinceLastEvent.map { $0 * 1.1 + 1 }
        }
        #expect(alike == wanted)
        // The loyal have stayed away for half a year.
        let gone = try refitted { table in
            for user in 30..<60 { table.daysSinceLastEvent[user] = 180 }
        }
        #expect(gone[1] != "loyal")
        #expect(gone[0] == "vip")
    }

    @Test(arguments: 1...12) func `names are distinct for any number of groups`(_ k: Int) throws {
        let table = visitors(1_500, seed: 6)
        var config = table.config
        config.k = k
        let names = try table.fit(config).model.segments.map(\.name)
        #expect(Set(names).count == k)
        #expect(!names.contains("outlier"))
    }
}
