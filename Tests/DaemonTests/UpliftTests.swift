import Core
import Engine
import Models
import Testing

@testable import roost

/// What a reader of the uplift is told, and what not.
@Suite struct UpliftTests {
    private func report(
        treated: (count: Int, bought: Int64), heldOut: (count: Int, bought: Int64)
    ) -> FollowUpReport {
        var sums: [(key: FollowUpKey, sums: FollowUpSums)] = []
        for (group, figures) in [(UInt8(0), treated), (1, heldOut)] where figures.count > 0 {
            var one = FollowUpSums()
            one.bought = figures.bought
            one.returned = figures.bought
            for number in 0..<figures.count {
                one.revenue.add(Int64(number) < figures.bought ? 10 : 0, before: Double(number % 7))
            }
            // cart_abandoned is rule 2; January 2025; segment number 3.
            sums.append((FollowUpKey(rule: 2, group: group, kind: .month, value: 2025 * 12), one))
            sums.append((FollowUpKey(rule: 2, group: group, kind: .segment, value: 4), one))
        }
        return FollowUpReport(sums: sums, open: 5, unfollowed: 1)
    }

    private func tree(_ reports: [FollowUpReport], of rule: String? = nil) -> JSONValue {
        Uplift(reports, window: 7 * Microseconds.day, segmentNames: [4: "loyal"]).tree(
            of: rule, asOf: EventTime(microseconds: 0))
    }

    @Test func partitionsAddUpAndTheDifferenceHasItsInterval() throws {
        let part = report(treated: (35, 28), heldOut: (40, 24))
        let tree = tree([part, part])
        #expect(tree["open"]?.whole == 10)
        #expect(tree["unfollowed"]?.whole == 2)
        let rule = try #require(tree["rules"]?.elements.first)
        #expect(rule["rule"]?.text == "cart_abandoned")
        #expect(rule["treated"]?["count"]?.whole == 70)
        #expect(rule["held_out"]?["bought"]?.whole == 48)
        let purchase = try #require(rule["purchase"])
        // Newcombe 1998, table II, method 10, case (a): 56/70 against 48/80.
        let bounds = purchase["interval"]?.elements.compactMap(\.real) ?? []
        #expect(bounds.count == 2 && abs(bounds[0] - 0.0524) < 5e-5 && abs(bounds[1] - 0.3339) < 5e-5)
        #expect(abs((purchase["difference"]?.real ?? 0) - 0.2) < 1e-12)
        #expect(abs((rule["revenue"]?["plain_difference"]?.real ?? 0) - 2) < 1e-12)
        #expect(rule["segments"]?.elements.first?["segment"]?.text == "loyal")
        #expect(rule["months"]?.elements.first?["month"]?.text == "2025-01")
        #expect(rule["months"]?.elements.first?["treated"]?["count"]?.whole == 70)
        let cautions = rule["cautions"]?.elements.compactMap(\.text) ?? []
        #expect(cautions.count == 3)
        #expect(cautions[0].contains("always_valid_p"))
        #expect(cautions[1].contains("only 70 in the smaller group"))
        #expect(cautions[2].contains("most likely miss"))
    }

    @Test func withoutAControlGroupThereIsNoComparison() throws {
        let rule = try #require(tree([report(treated: (10, 3), heldOut: (0, 0))])["rules"]?.elements.first)
        #expect(rule["purchase"] == .null)
        #expect(rule["revenue"] == .null)
        #expect(rule["power"] == .null)
        #expect(rule["treated"]?["revenue"]?.real == 30)
        #expect(rule["cautions"]?.elements.first?.text?.contains("nobody is held out") == true)
        let other = try #require(tree([report(treated: (0, 0), heldOut: (9, 2))])["rules"]?.elements.first)
        #expect(other["purchase"] == .null)
        #expect(other["cautions"]?.elements.first?.text?.contains("nobody was sent anything") == true)
    }

    @Test func oneMoreMessageBringsWhatWasMeasured() throws {
        func one(_ treated: (Int, Int64), _ heldOut: (Int, Int64), _ rule: String = "cart_abandoned") -> (
            purchases: ScheduleView.Estimate?, revenue: ScheduleView.Estimate?, reason: String?
        ) {
            Uplift([report(treated: treated, heldOut: heldOut)], window: 1, segmentNames: [:]).aMessage(
                of: rule)
        }
        // Newcombe 1998, table II, method 10, case (a): 56/70 against 48/80.
        let known = one((70, 56), (80, 48))
        let purchases = try #require(known.purchases)
        #expect(abs(purchases.value - 0.2) < 1e-12)
        #expect(abs(purchases.low - 0.0524) < 5e-5 && abs(purchases.high - 0.3339) < 5e-5)
        let revenue = try #require(known.revenue)
        #expect(revenue.low < revenue.value && revenue.value < revenue.high)
        #expect(known.reason == nil)
        #expect(one((70, 56), (0, 0)).purchases == nil)
        #expect(one((70, 56), (0, 0)).reason?.contains("nobody was held out") == true)
        #expect(one((70, 56), (80, 48), "welcome").purchases == nil)
        #expect(one((1, 1), (1, 0)).reason == "too few outcomes are known")
    }

    @Test func oneRuleCanBeAskedFor() {
        let reports = [report(treated: (10, 3), heldOut: (10, 2))]
        #expect(tree(reports, of: "cart_abandoned")["rules"]?.elements.count == 1)
        #expect(tree(reports, of: "welcome")["rules"]?.elements.isEmpty == true)
    }
}
