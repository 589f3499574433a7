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
        var phi = [Double](repeating: 0, count: features + 1)
        let deepest = Int(trees.map(\.depth).max() ?? 0)
        // A path of each length up to the deepest.
        let steps = (deepest + 2) * (deepest + 3) / 2
        nodes.withUnsafeBufferPointer { nodes in
            cover.withUnsafeBufferPointer { cover in
                row.withUnsafeBufferPointer { row in
                    withUnsafeTemporaryAllocation(of: TreeContributions.Step.self, capacity: steps) { path in
                        phi.withUnsafeMutableBufferPointer { phi in
                            let walk = TreeContributions(nodes: nodes, cover: cover, row: row, phi: phi)
                            let path = path.baseAddress.unsafelyUnwrapped
                            for tree in trees where Int(tree.output) == output {
                                phi[features] += walk.mean(Int(tree.root))
                                walk.visit(
                                    Int(tree.root), path, 0, .init(feature: -1, zero: 1, one: 1, weight: 0))
                            }
                        }
                    }
                }
            }
        }
        phi[features] += Double(base)
        return phi
    }
}

/// The walk down a tree along all of its ways at once.
private struct TreeContributions {
    let nodes: UnsafeBufferPointer<Forest.Node>
    let cover: UnsafeBufferPointer<Float>
    let row: UnsafeBufferPointer<Float>
    let phi: UnsafeMutableBufferPointer<Double>

    typealias Path = UnsafeMutablePointer<Step>

    /// What is known of a feature on the way to a node.
    struct Step: BitwiseCopyable {
        /// -1 for the root.
        var feature: Int
        /// Share of the ways that go here when the feature is not known, and when it is.
        var zero: Double
        var one: Double
        /// Share of the sets of features of each size.
        var weight: Double
    }

    /// A node's share of what passed its parent; a half where nothing did.
    private func share(_ child: Int, of parent: Int) -> Double {
        let whole = Double(cover[parent])
        return whole > 0 ? Double(cover[child]) / whole : 0.5
    }

    /// What an average row gets below a node.
    func mean(_ index: Int) -> Double {
        let node = nodes[index]
        if node.isLeaf { return Double(node.value) }
        let left = Int(node.left)
        return share(left, of: index) * mean(left) + share(left + 1, of: index) * mean(left + 1)
    }

    /// - Parameters:
    ///   - parents: the steps that lead to the parent, `count` of them; room for this node's lies behind.
    ///   - step: from the parent to this node.
    func visit(_ index: Int, _ parents: Path, _ count: Int, _ step: Step) {
        let path = parents + count
        path.update(from: parents, count: count)
        extend(path, count, step)
        var count = count + 1
        let node = nodes[index]
        if node.isLeaf {
            for place in 1..<max(1, count) {
                phi[path[place].feature] +=
                    unwoundSum(path, count, place) * (path[place].one - path[place].zero) * Double(node.value)
            }
            return
        }
        let hot = Int(node.left + node.turn(row[node.feature]))
        let cold = hot == Int(node.left) ? hot + 1 : hot - 1
        var known = Step(feature: node.feature, zero: 1, one: 1, weight: 0)
        if let before = (1..<max(1, count)).first(where: { path[$0].feature == node.feature }) {
            known = path[before]
            unwind(path, count, before)
            count -= 1
        }
        var next = known
        next.zero = known.zero * share(hot, of: index)
        // No way leads there where both are none.
        if next.zero > 0 || next.one > 0 { visit(hot, path, count, next) }
        next.zero = known.zero * share(cold, of: index)
        next.one = 0
        if next.zero > 0 { visit(cold, path, count, next) }
    }

    private func extend(_ path: Path, _ depth: Int, _ step: Step) {
        path[depth] = step
        path[depth].weight = depth == 0 ? 1 : 0
        for index in stride(from: depth - 1, through: 0, by: -1) {
            path[index + 1].weight += step.one * path[index].weight * Double(index + 1) / Double(depth + 1)
            path[index].weight *= step.zero * Double(depth - index) / Double(depth + 1)
        }
    }

    /// Takes a step out of a path of `count` as if it had not been made.
    private func unwind(_ path: Path, _ count: Int, _ place: Int) {
        let depth = count - 1
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
    }

    /// Sum of the weights of a path of `count` without a step.
    private func unwoundSum(_ path: Path, _ count: Int, _ place: Int) -> Double {
        let depth = count - 1
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
