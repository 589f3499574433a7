import Models
import Testing

/// Group 3 means the same after each refit.
@Suite struct SegmentStabilityTests {
    private let centres: [[Double]] = [[0, 0], [12, 0], [0, 12], [12, 12]]

    private func config(_ table: Table, k: Int) -> SegmentsConfig {
        var config = table.config
        config.k = k
        return config
    }

    private func identities(_ model: SegmentsModel, _ at: [[Double]]) -> [String] {
        at.map { point in
            let id = point.withUnsafeBufferPointer { model.assign(features: $0.baseAddress!) }
            return "\(id) \(model.name(of: id) ?? "")"
        }
    }

    @Test func `shifted and rescaled data keep ids and names`() throws {
        let before = blobs(centres, each: 60, seed: 1)
        let first = try before.fit(config(before, k: 4)).model
        let moved = centres.map { [$0[0] * 1.4 + 1, $0[1] * 0.8 + 2] }
        // Other sizes, so that the order by size is another one.
        var after = blobs(moved + moved[2...3], each: 70, seed: 9)
        after.revenue = after.revenue.reversed()
        let second = try after.fit(config(after, k: 4), seed: 43, previous: first).model
        #expect(identities(first, centres) == identities(second, moved))
    }

    @Test func `a new group gets a new id and the others keep theirs`() throws {
        let before = blobs(Array(centres[..<3]), each: 60, seed: 1)
        let first = try before.fit(config(before, k: 3)).model
        let after = blobs(centres, each: 60, seed: 2)
        let second = try after.fit(config(after, k: 4), previous: first).model
        #expect(identities(first, Array(centres[..<3])) == identities(second, Array(centres[..<3])))
        #expect(second.segments.map(\.id) == [0, 1, 2, 3])
        // Down to three again, and up: an id is never given twice.
        let third = try before.fit(config(before, k: 3), previous: second).model
        #expect(third.segments.map(\.id) == [0, 1, 2])
        let fourth = try after.fit(config(after, k: 4), previous: third).model
        #expect(fourth.segments.map(\.id) == [0, 1, 2, 4])
    }

    @Test func `a refit on the same users passes the gate`() throws {
        let table = visitors(3_000, seed: 3)
        let first = try table.fit(config(table, k: 5)).model
        let again = try table.fit(config(table, k: 5), seed: 7, previous: first)
        #expect(Gate.judge(again.evidence).adopted, "\(Gate.judge(again.evidence))")
        #expect(again.evidence.previous != nil)
        #expect(again.model.segments.map(\.name) == first.segments.map(\.name))
    }

    @Test func `other features make other groups under new ids`() throws {
        let table = blobs(centres, each: 30, seed: 1)
        let first = try table.fit(config(table, k: 4)).model
        var renamed = table
        renamed.names = ["a", "b"]
        let second = try renamed.fit(config(renamed, k: 4), previous: first).model
        #expect(second.segments.map(\.id) == [4, 5, 6, 7])
    }

    @Test func `scoring puts each user where the fit had them`() throws {
        let table = visitors(2_000, seed: 4)
        let model = try table.fit(config(table, k: 5)).model
        var counts: [UInt16: UInt64] = [:]
        for user in 0..<table.users {
            let id = table.row(user).withUnsafeBufferPointer { model.assign(features: $0.baseAddress!) }
            counts[id, default: 0] += 1
        }
        for segment in model.segments { #expect(counts[segment.id] == segment.users) }
    }
}
