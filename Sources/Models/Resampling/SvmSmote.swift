/// Synthetic rows about the support vectors of the smaller class (Nguyen, Cooper and Kamei 2011, as
/// imbalanced-learn has it).
///
/// Around a support vector that has the other class about it, rows are made towards neighbours of its own
/// class; around one that is safe, away from them, to widen the class; one with nothing but the other class
/// about it is noise.
package struct SvmSmote: Sendable {
    /// How many nearest rows of any class tell whether a support vector is in danger.
    package var surroundings = 10
    /// How far a row is made beyond a safe support vector, as a share of the way to a neighbour.
    package var reach = 0.5
    /// Rows the machine is fitted on; of more, that many are drawn, since its kernel grows with their square.
    package var sampleSize = 2_048
    package var smote = Smote()
    package var machine = SupportVectors.Config()
    package init() {}

    /// Support vectors of the smaller class, as rows of what the machine was fitted on.
    package struct Boundary: Sendable, Equatable {
        package var supports: [Int]
        package var noise: [Int]
        package var danger: [Int]
        package var safe: [Int]
    }

    package func boundary(of training: TrainingRows) -> Boundary {
        let label = training.minority.label
        let supports = SupportVectors(training, config: machine).supports.filter {
            (training.labels[$0] != 0) == (label != 0)
        }
        let nearest = NearestRows(training.table)
        var boundary = Boundary(supports: supports, noise: [], danger: [], safe: [])
        for row in supports {
            let around = nearest.nearest(surroundings, to: training.table.row(row), skipping: row)
            let others = around.count { (training.labels[$0.row] != 0) != (label != 0) }
            if others == around.count {
                boundary.noise.append(row)
            } else if 2 * others >= around.count {
                boundary.danger.append(row)
            } else {
                boundary.safe.append(row)
            }
        }
        return boundary
    }

    package func synthesise(
        from all: TrainingRows, count: Int, using generator: inout SeededGenerator
    ) throws(ResamplingFailure) -> FeatureTable {
        let training = all.drawnByClass(sampleSize, using: &generator)
        let own = training.minority.rows
        guard own.count > smote.neighbours else {
            throw .tooFewRows(have: own.count, need: smote.neighbours + 1)
        }
        let boundary = boundary(of: training)
        guard !boundary.danger.isEmpty || !boundary.safe.isEmpty else { throw .noBoundary }
        let pool = training.table.taking(own)
        var place: [Int: Int] = [:]
        for (index, row) in own.enumerated() { place[row] = index }
        func made(_ rows: [Int], step: Double, count: Int) -> FeatureTable {
            smote.extend(
                training.table.taking(rows), towards: pool, own: rows.map { place[$0] ?? -1 }, step: step,
                count: count, using: &generator)
        }
        // Beta(10, 10), as the middle of nineteen uniform draws.
        let share = (0..<19).map { _ in generator.uniform() }.sorted()[9]
        var inward = Int(share * Double(count + 1))
        if boundary.danger.isEmpty { inward = 0 }
        if boundary.safe.isEmpty { inward = count }
        let between = made(boundary.danger, step: 1, count: inward)
        return between.followed(by: made(boundary.safe, step: -reach, count: count - inward))
    }
}

extension TrainingRows {
    /// At most `count` rows with the classes in the proportion they have, but of the smaller at least a
    /// quarter of `count` where there are as many.
    fileprivate func drawnByClass(_ count: Int, using generator: inout SeededGenerator) -> TrainingRows {
        guard labels.count > count else { return self }
        let rare = minority.rows
        let label = minority.label
        let common = labels.indices.filter { (labels[$0] != 0) != (label != 0) }
        let share = Double(rare.count) / Double(labels.count)
        let wanted = min(rare.count, max(count / 4, Int(share * Double(count))))
        let chosen =
            sampledRows(rare.count, wanted, using: &generator).map { rare[$0] }
            + sampledRows(common.count, count - wanted, using: &generator).map { common[$0] }
        let rows = chosen.sorted()
        return TrainingRows(table: table.taking(rows), labels: rows.map { labels[$0] })
    }
}
