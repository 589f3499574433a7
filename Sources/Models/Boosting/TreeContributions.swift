extension Forest {
    /// How much each feature moved a row's margin away from what an average row gets, and at the end that
    /// average; their sum is the margin. Shape [features + 1].
    ///
    /// Shapley values, exact, over the ways the training rows took (Lundberg, Erion and Lee 2018, algorithm 2;
    /// what XGBoost calls `pred_contribs`).
    /// - Parameter row: shape [features].
    /// - Complexity: O(trees · leaves · depth²).
    package func contributions(_ row: [Float], output: Int = 0) -> [Double] {
        precondition(row.count == features && output < outputs, "a row of \(features) values")
        var sums = TreeContributions(forest: self, row: row)
        for tree in trees where Int(tree.output) == output { sums.add(tree) }
        sums.phi[features] += Double(base)
        return sums.phi
    }

    /// The nodes' share of what passed their parent; halves where nothing did.
    fileprivate func share(_ child: Int, of parent: Int) -> Double {
        let whole = Double(cover[parent])
        return whole > 0 ? Double(cover[child]) / whole : 0.5
    }
}

/// The walk down a tree along all of its ways at once.
private struct TreeContributions {
    let forest: Forest
    let row: [Float]
    var phi: [Double]

    /// What is known of a feature on the way to a node.
    struct Step {
        /// -1 for the root.
        var feature: Int
        /// Share of the ways that go here when the feature is not known, and when it is.
        var zero: Double
        var one: Double
        /// Share of the sets of features of each size.
        var weight: Double
    }

    init(forest: Forest, row: [Float]) {
        self.forest = forest
        self.row = row
        phi = [Double](repeating: 0, count: forest.features + 1)
    }

    mutating func add(_ tree: Forest.Tree) {
        phi[forest.features] += mean(Int(tree.root))
        if forest.nodes[Int(tree.root)].isLeaf { return }
        visit(Int(tree.root), [], Step(feature: -1, zero: 1, one: 1, weight: 0))
    }

    /// What an average row gets below a node.
    private func mean(_ index: Int) -> Double {
        let node = forest.nodes[index]
        if node.isLeaf { return Double(node.value) }
        let left = Int(node.left)
        return forest.share(left, of: index) * mean(left) + forest.share(left + 1, of: index) * mean(left + 1)
    }

    private mutating func visit(_ index: Int, _ parents: [Step], _ step: Step) {
        var path = extended(parents, step)
        let node = forest.nodes[index]
        if node.isLeaf {
            for place in path.indices.dropFirst() {
                phi[path[place].feature] +=
                    unwoundSum(path, place) * (path[place].one - path[place].zero) * Double(node.value)
            }
            return
        }
        let hot = Int(node.left + node.turn(row[node.feature]))
        let cold = hot == Int(node.left) ? hot + 1 : hot - 1
        var known = Step(feature: node.feature, zero: 1, one: 1, weight: 0)
        if let before = path.firstIndex(where: { $0.feature == node.feature }) {
            known = path[before]
            path = unwound(path, before)
        }
        var next = known
        next.zero = known.zero * forest.share(hot, of: index)
        visit(hot, path, next)
        next.zero = known.zero * forest.share(cold, of: index)
        next.one = 0
        // No way leads there, with the feature known or not.
        if next.zero > 0 { visit(cold, path, next) }
    }

    private func extended(_ path: [Step], _ step: Step) -> [Step] {
        var path = path
        let depth = path.count
        path.append(step)
        path[depth].weight = depth == 0 ? 1 : 0
        for index in stride(from: depth - 1, through: 0, by: -1) {
            path[index + 1].weight += step.one * path[index].weight * Double(index + 1) / Double(depth + 1)
            path[index].weight *= step.zero * Double(depth - index) / Double(depth + 1)
        }
        return path
    }

    /// The path as if a step had not been made.
    private func unwound(_ path: [Step], _ place: Int) -> [Step] {
        var path = path
        let depth = path.count - 1
        let (zero, one) = (path[place].zero, path[place].one)
        var next = path[depth].weight
        for index in stride(from: depth - 1, through: 0, by: -1) {
            if one != 0 {
                let weight = path[index].weight
                path[index].weight = next * Double(depth + 1) / (Double(index + 1) * one)
                next = weight - path[index].weight * zero * Double(depth - index) / Double(depth + 1)
            } else {
                path[index].weight = path[index].weight * Double(depth + 1) / (zero * Double(depth - index))
            }
        }
        for index in place..<depth {
            let weight = path[index].weight
            path[index] = path[index + 1]
            path[index].weight = weight
        }
        path.removeLast()
        return path
    }

    /// Sum of the weights of the path as if a step had not been made.
    private func unwoundSum(_ path: [Step], _ place: Int) -> Double {
        let depth = path.count - 1
        let (zero, one) = (path[place].zero, path[place].one)
        var next = path[depth].weight
        var total = 0.0
        for index in stride(from: depth - 1, through: 0, by: -1) {
            if one != 0 {
                let weight = next * Double(depth + 1) / (Double(index + 1) * one)
                total += weight
                next = path[index].weight - weight * zero * Double(depth - index) / Double(depth + 1)
            } else {
                total += path[index].weight / zero * Double(depth + 1) / Double(depth - index)
            }
        }
        return total
    }
}
