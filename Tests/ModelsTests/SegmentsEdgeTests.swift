import Models
import Testing

/// Tables that have no business being clustered.
@Suite struct SegmentsEdgeTests {
    @Test func `no user and one user are refused with the number missing`() {
        #expect(throws: FitRefusal.tooFewUsers(have: 0, need: 2)) { try Table([[], []]).fit() }
        #expect(throws: FitRefusal.tooFewUsers(have: 1, need: 2)) { try Table([[1], [2]]).fit() }
        var config = Table([[1, 2, 3]]).config
        config.minimumUsers = 50
        #expect(throws: FitRefusal.tooFewUsers(have: 3, need: 50)) { try Table([[1, 2, 3]]).fit(config) }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 1e200])
    func `what is no usable number is refused with its place`(_ value: Double) {
        var table = blobs([[0, 0], [9, 9]], each: 20, seed: 1)
        table.features[1][7] = value
        #expect(throws: FitRefusal.notFinite(column: "f1", row: 7)) { try table.fit() }
    }

    @Test func `constant columns have scale 1 and do no harm`() throws {
        var table = blobs([[0, 5], [20, 5]], each: 30, seed: 2)
        table.features[1] = table.features[1].map { _ in 5.3 }
        let fit = try table.fit()
        #expect(fit.model.scale[1] == 1)
        #expect(fit.model.segments.allSatisfy { abs($0.centroid[1]) < 1e-9 })
    }

    @Test func `users who are all the same make one group that says so`() throws {
        let table = Table([[Double](repeating: 2, count: 60), [Double](repeating: 1, count: 60)])
        let fit = try table.fit()
        #expect(fit.model.segments.count == 1)
        #expect(fit.model.segments[0].users == 60)
        #expect(fit.model.inertia < 1e-12)
        #expect(fit.parameters.contains { $0.key == "note" })
        #expect(Gate.judge(fit.evidence).adopted)
    }

    @Test func `more groups than distinct users are as many as there are`() throws {
        let table = Table([[1, 2, 3, 4, 1, 2, 3, 4, 1, 2]])
        var config = table.config
        config.k = 9
        let fit = try table.fit(config)
        #expect(fit.model.segments.count == 4)
        #expect(fit.model.segments.map(\.users).sorted() == [2, 2, 3, 3])
        #expect(Set(fit.model.segments.map(\.name)).count == 4)
    }

    @Test func `nobody held out is refused`() {
        var table = blobs([[0], [9]], each: 20, seed: 1)
        table.heldOut = table.heldOut.map { _ in 0 }
        #expect(throws: FitRefusal.nothingHeldOut) { try table.fit() }
        table.heldOut = table.heldOut.map { _ in 1 }
        #expect(throws: FitRefusal.nothingToLearnFrom) { try table.fit() }
    }

    @Test func `columns of different lengths are refused`() {
        var table = blobs([[0], [9]], each: 20, seed: 1)
        table.revenue.removeLast()
        #expect(throws: FitRefusal.unevenColumns) { try table.fit() }
    }
}
