/// Trees that score and explain by themselves: what boosting and random forests give.
///
/// A row's margin is `base` and the leaves it falls into; the prediction is the margin through `link`.
/// Comparisons and sums are made in 32 bits and in the order of the trees, as XGBoost makes them, so that a row
/// takes the same way here and there.
package struct Forest: Sendable, Equatable {
    /// What a margin means.
    package enum Link: UInt8, Sendable, Equatable {
        case identity, logistic, exponential, softmax
    }

    /// How much a feature was used.
    package struct Importance: Sendable, Equatable {
        package var splits = 0
        /// Sums over its splits of how much they gained and of the second derivatives that passed them.
        package var gain = 0.0
        package var cover = 0.0

        /// Gain of a split, on average; 0 without any.
        package var meanGain: Double { splits > 0 ? gain / Double(splits) : 0 }
    }

    /// Width of a row.
    package let features: Int
    /// Margins of a row: one, or one for each class.
    package let outputs: Int
    package let link: Link
    package let base: Float
    /// Shape [features].
    package let importance: [Importance]

    let trees: [Tree]
    /// Of all trees, one after another.
    let nodes: [Node]
    /// Second derivatives that passed each node in training: how many rows, if each counts one.
    let cover: [Float]

    struct Tree: Sendable, Equatable {
        var root: Int32
        var count: Int32
        /// Steps to the deepest leaf.
        var depth: Int32
        /// Which of the outputs it adds to.
        var output: Int32
    }

    /// A split, or a leaf that leads to itself, so that all rows walk equally many steps and no step asks.
    struct Node: Sendable, Equatable {
        /// A row goes left where its value is less; NaN in a leaf.
        var threshold: Float
        /// The left child in `nodes`; the right one follows it. A leaf's own place.
        var left: Int32
        /// Lowest 31 bits the feature; highest whether a missing value goes right.
        var test: UInt32
        /// What a leaf adds; 0 in a split.
        var value: Float

        static let missingRight: UInt32 = 1 << 31

        var feature: Int { Int(test & ~Node.missingRight) }
        var isLeaf: Bool { threshold.isNaN }

        /// Leaves have no number as threshold, which is not equal to itself.
        static func == (a: Node, b: Node) -> Bool {
            a.threshold.bitPattern == b.threshold.bitPattern && a.left == b.left && a.test == b.test
                && a.value == b.value
        }

        /// 0 for left, 1 for right.
        @inline(__always)
        func turn(_ value: Float) -> Int32 {
            let above: Int32 = value >= threshold ? 1 : 0
            let missing: Int32 = value.isNaN ? 1 : 0
            return above | (missing & Int32(truncatingIfNeeded: test >> 31))
        }

        /// Where a row goes from here.
        @inline(__always)
        func next(_ row: UnsafePointer<Float>) -> Int32 { left + turn(row[feature]) }
    }

    package var treeCount: Int { trees.count }
}

/// Puts trees together node by node, each tree breadth first.
///
/// Breadth first, the k-th split's children are the nodes 2k + 1 and 2k + 2 of its tree: where they are need
/// not be said, and no bytes can describe anything but a tree.
struct ForestBuilder {
    private(set) var trees: [Forest.Tree] = []
    private(set) var nodes: [Forest.Node] = []
    private(set) var cover: [Float] = []
    private var depths: [Int32] = []
    private var next: Int32 = 0

    /// Begins a tree.
    mutating func begin(output: Int) {
        next = Int32(nodes.count) + 1
        depths = [0]
        trees.append(Forest.Tree(root: next - 1, count: 0, depth: 0, output: Int32(output)))
    }

    mutating func leaf(_ value: Float, cover weight: Float) {
        add(Forest.Node(threshold: .nan, left: Int32(nodes.count), test: 0, value: value), weight)
    }

    mutating func split(_ feature: Int, below threshold: Float, missingRight: Bool, cover weight: Float) {
        let depth = depths[depths.count - (Int(next) - nodes.count)] + 1
        trees[trees.count - 1].depth = max(trees[trees.count - 1].depth, depth)
        depths += [depth, depth]
        let test = UInt32(feature) | (missingRight ? Forest.Node.missingRight : 0)
        add(Forest.Node(threshold: threshold, left: next, test: test, value: 0), weight)
        next += 2
    }

    private mutating func add(_ node: Forest.Node, _ weight: Float) {
        nodes.append(node)
        cover.append(weight)
        trees[trees.count - 1].count += 1
    }

    /// Of the tree begun last.
    var depth: Int { trees.last.map { Int($0.depth) } ?? 0 }

    /// Whether a node is still awaited by the tree begun last.
    var isOpen: Bool { !trees.isEmpty && Int(next) > nodes.count }
}
