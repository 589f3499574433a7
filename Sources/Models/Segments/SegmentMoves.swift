extension DistinctRows {
    /// Per row the group that a model puts it into; asked before a transform is applied.
    func groups(in model: SegmentsModel) -> [UInt16] {
        values.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return [] }
            let width = chunks * MemoryLayout<SIMD4<Double>>.stride
            return (0..<count).map { row in
                model.assign(features: (base + row * width).assumingMemoryBound(to: Double.self))
            }
        }
    }
}

extension SegmentsFitting {
    /// How many users the new model takes from which group of the model in use into which of its own: both
    /// asked about the same users at the same moment, so that the refit shows and not what users did.
    /// - Parameter after: per distinct row its new group.
    /// - Returns: nil where there is no model in use, or it looks at other features.
    func moves(after: [UInt16]) -> Tree? {
        guard !before.isEmpty else { return nil }
        let from = Set(before).sorted()
        let to = Set(after).sorted()
        var users = [Int64](repeating: 0, count: from.count * to.count)
        let places = (place(of: from), place(of: to))
        for row in 0..<rows.count {
            users[places.0[Int(before[row])] * to.count + places.1[Int(after[row])]] += Int64(rows.users[row])
        }
        return .object([
            .init("from", .array(from.map { .int(Int64($0)) })),
            .init("to", .array(to.map { .int(Int64($0)) })),
            .init(
                "users",
                .array(
                    from.indices.map { row in
                        .array(users[row * to.count..<(row + 1) * to.count].map { .int($0) })
                    })),
        ])
    }

    private func place(of ids: [UInt16]) -> [Int] {
        var places = [Int](repeating: 0, count: Int(ids.last ?? 0) + 1)
        for (place, id) in ids.enumerated() { places[Int(id)] = place }
        return places
    }
}
