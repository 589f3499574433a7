import Glibc

/// How the inputs of a fit were distributed, so that it can be told when those of today no longer are.
package struct InputProfile: Sendable, Equatable {
    /// One input: its share of rows in each bin.
    package struct Input: Sendable, Equatable {
        package var name: String
        /// Upper ends of all bins but the last, ascending; a value at an end belongs below it.
        package var edges: [Double]
        /// Of each bin, and at the end of those without a value.
        package var shares: [Double]
    }

    /// How far an input has moved.
    package struct Shift: Sendable, Equatable {
        package var name: String
        /// Population stability index: Σ (p − q) · ln(p / q) over the bins.
        package var index: Double
        /// Greater than `InputProfile.worrying`, and than chance would have it.
        package var isDrift: Bool
    }

    /// The customary bound of the index above which a model is to be fitted anew.
    package static let worrying = 0.25
    /// Rows that are looked at.
    static let most = 100_000
    private static let bins = 10
    /// Rows added to every bin, as Krichevsky and Trofimov (1981) do, so that an empty one has a logarithm and
    /// few rows do not make a great index by chance.
    private static let added = 0.5

    package var inputs: [Input]
    /// Rows that were looked at.
    package var rows: Int

    package init(inputs: [Input], rows: Int) {
        self.inputs = inputs
        self.rows = rows
    }

    /// Bins of about equally many rows: the deciles, those that coincide as one.
    package init(of request: FitRequest) {
        let sample = request.sample(InputProfile.most)
        rows = sample.first?.values.count ?? 0
        inputs = sample.map { name, values in
            let sorted = values.filter(\.isFinite).sorted()
            var edges: [Double] = []
            if !sorted.isEmpty {
                for edge in QuantileEdges(sorted: sorted, levels: InputProfile.bins).values
                where edge > edges.last ?? -.infinity && edge < sorted[sorted.count - 1] {
                    edges.append(edge)
                }
            }
            return Input(name: name, edges: edges, shares: InputProfile.shares(of: values, edges))
        }
    }

    private static func shares(of values: [Double], _ edges: [Double]) -> [Double] {
        var counts = [Double](repeating: 0, count: edges.count + 2)
        for value in values {
            if value.isFinite {
                counts[QuantileEdges(edges).level(of: value) - 1] += 1
            } else {
                counts[edges.count + 1] += 1
            }
        }
        return counts.map { $0 / Double(max(1, values.count)) }
    }

    /// Holds what is to be fitted today against this.
    ///
    /// Where nothing has moved the index is distributed as (1 / n + 1 / m) · χ² of one degree less than there
    /// are bins (Yurdakul and Naranjo 2020): with few rows a great index means little.
    package func shifts(in request: FitRequest) -> [Shift] {
        let today = request.sample(InputProfile.most)
        return inputs.compactMap { input in
            guard let values = today.first(where: { $0.name == input.name })?.values, !values.isEmpty else {
                return nil
            }
            let shares = InputProfile.shares(of: values, input.edges)
            var index = 0.0
            for (was, now) in zip(input.shares, shares) {
                let p = InputProfile.share(now, of: values.count, bins: shares.count)
                let q = InputProfile.share(was, of: rows, bins: shares.count)
                index += (p - q) * log(p / q)
            }
            let chance =
                InputProfile.chiSquared(input.edges.count + 1)
                * (1 / Double(values.count) + 1 / Double(max(1, rows)))
            return Shift(
                name: input.name, index: index,
                isDrift: index > InputProfile.worrying && index > chance)
        }
    }

    private static func share(_ share: Double, of rows: Int, bins: Int) -> Double {
        (share * Double(rows) + added) / (Double(rows) + added * Double(bins))
    }

    /// The value that χ² exceeds once in a thousand times (Wilson and Hilferty 1931).
    static func chiSquared(_ freedom: Int) -> Double {
        let share = 2 / (9 * Double(freedom))
        let root = 1 - share + 3.0902 * share.squareRoot()
        return Double(freedom) * root * root * root
    }
}

extension InputProfile {
    /// For the model's page: bins of each input.
    package var tree: Tree {
        .object([
            .init("rows", .int(Int64(rows))),
            .init(
                "bins",
                .object(
                    inputs.map {
                        .init(
                            $0.name,
                            .object([
                                .init("edges", .numbers($0.edges)), .init("shares", .numbers($0.shares)),
                            ]))
                    })),
        ])
    }

    /// Reads back what `tree` gave; nil where it is something else.
    package init?(_ tree: Tree) {
        guard case .int(let rows) = tree["rows"], case .object(let members) = tree["bins"] else { return nil }
        var inputs: [Input] = []
        for member in members {
            guard let edges = member.value["edges"]?.doubles, let shares = member.value["shares"]?.doubles,
                shares.count == edges.count + 2
            else { return nil }
            inputs.append(Input(name: member.key, edges: edges, shares: shares))
        }
        self.init(inputs: inputs, rows: Int(rows))
    }
}

extension Tree {
    fileprivate var doubles: [Double]? {
        guard case .array(let values) = self else { return nil }
        var doubles: [Double] = []
        for value in values {
            switch value {
            case .number(let number): doubles.append(number)
            case .int(let number): doubles.append(Double(number))
            default: return nil
            }
        }
        return doubles
    }
}
