import Foundation
import Models
import Testing

/// What is done to features before they are compared, and that the same is done when a user is scored.
@Suite struct SegmentTransformTests {
    /// Spread over powers of ten, so that the transforms disagree.
    private func spread(_ users: Int) -> Table {
        var generator = SeededGenerator(seed: 31)
        let columns = (0..<3).map { feature in
            (0..<users).map { user -> Double in
                let level = Double(user % 3 + feature)
                return (pow(10, level) * (0.5 + generator.uniform())).rounded()
            }
        }
        return Table(columns)
    }

    private func transformed(_ value: Double, _ transform: SegmentTransform) -> Double {
        transform == .log || transform == .logStandard ? log1p(value) : value
    }

    @Test(arguments: SegmentTransform.allCases)
    func `mean, scale and inertia are those of the transformed features`(
        _ transform: SegmentTransform
    ) throws {
        let table = spread(900)
        var config = table.config
        config.outlierDistance = 0
        config.transform = transform
        let model = try table.fit(config).model
        #expect(model.transform == transform)
        let isStandard = transform == .standard || transform == .logStandard
        for (index, column) in table.features.enumerated() {
            let values = column.map { transformed($0, transform) }
            let mean = isStandard ? values.reduce(0, +) / Double(values.count) : 0
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            let scale = isStandard ? variance.squareRoot() : 1
            #expect(abs(model.mean[index] - mean) <= 1e-9 * max(1, abs(mean)))
            #expect(abs(model.scale[index] - scale) <= 1e-9 * scale)
        }
        var inertia = 0.0
        for user in 0..<table.users {
            let row = table.row(user).enumerated().map { index, value in
                (transformed(value, transform) - model.mean[index]) / model.scale[index]
            }
            let distances = model.segments.map { segment in
                zip(row, segment.centroid).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            let nearest = try #require(distances.indices.min { distances[$0] < distances[$1] })
            inertia += distances[nearest]
            let id = table.row(user).withUnsafeBufferPointer { values in
                values.baseAddress.map { model.assign(features: $0) }
            }
            #expect(id == model.segments[nearest].id)
            let distance = table.row(user).withUnsafeBufferPointer { values in
                values.baseAddress.flatMap { model.distance(features: $0, to: model.segments[nearest].id) }
            }
            #expect(abs((distance ?? .nan) - distances[nearest].squareRoot()) < 1e-9)
        }
        #expect(abs(model.inertia - inertia) <= 1e-9 * inertia)
    }

    @Test func `groups a power of ten apart are told apart by their logarithms`() throws {
        let table = spread(900)
        var config = table.config
        config.outlierDistance = 0
        config.transform = .logStandard
        let model = try table.fit(config).model
        #expect(model.segments.map(\.users) == [300, 300, 300])
    }

    @Test(arguments: SegmentTransform.allCases)
    func `a model of any transform is restored equal, and what it is not is refused`(
        _ transform: SegmentTransform
    ) throws {
        let table = spread(300)
        var config = table.config
        config.transform = transform
        let model = try table.fit(config).model
        #expect(try SegmentsModel(bytes: model.bytes) == model)
        #expect(SegmentTransform(transform.text) == transform)
        #expect(SegmentTransform("cube") == nil)
    }

    /// Version 1 has neither transform nor targets.
    @Test func `a model of the version before reads back as a standardised one`() throws {
        let table = spread(300)
        let model = try table.fit().model
        var old: [UInt8] = []
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { old.append(contentsOf: $0) }
        }
        func put(_ values: [Double]) {
            put(UInt32(values.count))
            for value in values { put(value.bitPattern) }
        }
        func put(_ text: String) {
            put(UInt32(text.utf8.count))
            old.append(contentsOf: text.utf8)
        }
        put(UInt32(0x4745_5352))
        put(UInt32(1))
        put(UInt32(model.features.count))
        for feature in model.features { put(feature) }
        for flag in model.counted { put(UInt8(flag ? 1 : 0)) }
        put(model.mean)
        put(model.scale)
        put(model.outlierUpper)
        put(model.outliers)
        put(model.inertia.bitPattern)
        put(model.nextID)
        put(UInt32(model.segments.count))
        for segment in model.segments {
            put(segment.id)
            put(segment.name)
            put(segment.users)
            put(segment.centroid)
        }
        #expect(try SegmentsModel(bytes: old) == model)
    }

    @Test func `a refit tells who went from which group into which`() throws {
        let table = spread(900)
        var config = table.config
        config.outlierDistance = 0
        config.transform = .logStandard
        let first = try table.fit(config)
        #expect(!first.parameters.contains { $0.key == "moves" }, "there was none before")
        config.k = 2
        let second = try table.fit(config, previous: first.model)
        let moves = try #require(second.parameters.first { $0.key == "moves" }?.value)
        var expected: [[UInt16]: Int64] = [:]
        for user in 0..<table.users {
            let ids = table.row(user).withUnsafeBufferPointer { values in
                values.baseAddress.map {
                    [first.model.assign(features: $0), second.model.assign(features: $0)]
                }
            }
            expected[try #require(ids), default: 0] += 1
        }
        guard case .array(let from)? = moves["from"], case .array(let to)? = moves["to"],
            case .array(let rows)? = moves["users"]
        else {
            Issue.record("moves are incomplete")
            return
        }
        var found: [[UInt16]: Int64] = [:]
        for (row, former) in zip(rows, from) {
            guard case .array(let cells) = row, case .int(let fromID) = former else { continue }
            for (cell, latter) in zip(cells, to) {
                if case .int(let count) = cell, case .int(let toID) = latter, count > 0 {
                    found[[UInt16(fromID), UInt16(toID)]] = count
                }
            }
        }
        #expect(found == expected)
    }
}
