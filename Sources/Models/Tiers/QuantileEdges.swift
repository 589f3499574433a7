/// Boundaries that cut a variable into levels of about equally many users, as pandas' `qcut` does.
///
/// The edge between level i and i + 1 of k is the quantile i / k, interpolated linearly between the two order
/// statistics around it (Hyndman and Fan 1996, definition 7). Levels are closed to the right: a value at an
/// edge belongs below it. Where values tie, edges may coincide; the levels between them are empty and the
/// others keep their numbers, so that level k is always the one of the greatest values.
struct QuantileEdges: Sendable, Equatable {
    /// Inner edges, ascending, shape [levels − 1], finite.
    let values: [Double]

    var levels: Int { values.count + 1 }

    init(_ values: [Double]) { self.values = values }

    /// - Parameter sorted: ascending, finite, not empty.
    init(sorted: [Double], levels: Int) {
        values = (1..<levels).map { edge in
            let (place, rest) = (edge * (sorted.count - 1)).quotientAndRemainder(dividingBy: levels)
            if rest == 0 { return sorted[place] }
            return sorted[place] + (sorted[place + 1] - sorted[place]) * (Double(rest) / Double(levels))
        }
    }

    /// 1 for the least values up to `levels` for the greatest.
    func level(of value: Double) -> Int {
        var level = 1
        for edge in values where value > edge { level += 1 }
        return level
    }

    /// How far the edges are from where they should be in other users: per edge the distance, as a share of
    /// those users, between the share wanted below it and what can be had there; where values tie at the edge
    /// everything from the share below them to the share up to them can.
    func misplacement(sorted: [Double]) -> [Double] {
        values.enumerated().map { index, edge in
            let wanted = Double(index + 1) / Double(levels)
            let below = Double(firstIndex(in: sorted) { $0 >= edge }) / Double(sorted.count)
            let upTo = Double(firstIndex(in: sorted) { $0 > edge }) / Double(sorted.count)
            return max(0, below - wanted, wanted - upTo)
        }
    }

    private func firstIndex(in sorted: [Double], where holds: (Double) -> Bool) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if holds(sorted[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
