/// How many clusters, where nobody has said.
enum Elbow {
    /// The number whose inertia lies farthest below the chord from one cluster to the most (Satopää et al.
    /// 2011, "Kneedle"), unless a neighbour at most two away separates clearly better (mean silhouette higher
    /// by more than 0.1).
    /// - Parameter inertia: for 1, 2, … clusters.
    /// - Parameter silhouette: likewise; nil where it is not defined.
    static func choose(inertia: [Double], silhouette: [Double?]) -> Int {
        let bend = bend(inertia)
        guard bend > 1 else { return separated(silhouette) ?? bend }
        var chosen = bend
        for k in max(2, bend - 2)...min(inertia.count, bend + 2) {
            guard let here = silhouette[k - 1], let best = silhouette[chosen - 1] else { continue }
            let start = silhouette[bend - 1] ?? here
            if here > start + 0.1, here > best { chosen = k }
        }
        return chosen
    }

    /// Where the curve has no bend, as with groups equally far apart: the number that separates best, if it
    /// does so reasonably (mean silhouette above 0.5; Kaufman and Rousseeuw 1990).
    private static func separated(_ silhouette: [Double?]) -> Int? {
        var chosen: Int?
        var most = 0.5
        for (index, value) in silhouette.enumerated() {
            if let value, value > most {
                most = value
                chosen = index + 1
            }
        }
        return chosen
    }

    /// The bend alone: a number of clusters from 1.
    static func bend(_ inertia: [Double]) -> Int {
        guard let first = inertia.first, let last = inertia.last, inertia.count > 2, first > last else {
            return min(inertia.count, 1)
        }
        var bend = 1
        var most = 0.0
        for (index, value) in inertia.enumerated() {
            let along = Double(index) / Double(inertia.count - 1)
            let below = (1 - along) - (value - last) / (first - last)
            if below > most {
                most = below
                bend = index + 1
            }
        }
        return bend
    }
}
