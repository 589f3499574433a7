/// Everything that scores items for a user.
package struct Recommender: Sendable, Equatable {
    let itemCount: Int
    /// Share of the users who bought each item; shape [items].
    var popularity: [Float]
    /// The same of late.
    var recent: [Float]
    /// The same among the users of each segment that has enough of them; the segment's number + 1 first.
    var inSegment: [(segment: UInt8, shares: [Float])]
    /// By their first item, then their second, then the consequent.
    var rules: [ItemRule] {
        didSet { index() }
    }
    var baskets: Int
    var factors: FactorMatrix?
    var alpha: Double
    var regularization: Double

    /// Where the rules of a first item begin; shape [items + 1].
    private var ruleStarts: [Int32] = []
    private var lifts: [Float] = []
    /// YᵀY + λI.
    private var gram: [Double] = []

    init(
        itemCount: Int, popularity: [Float], recent: [Float],
        inSegment: [(segment: UInt8, shares: [Float])], rules: [ItemRule], baskets: Int,
        factors: FactorMatrix?, alpha: Double, regularization: Double
    ) {
        self.itemCount = itemCount
        self.popularity = popularity
        self.recent = recent
        self.inSegment = inSegment
        self.rules = rules
        self.baskets = baskets
        self.factors = factors
        self.alpha = alpha
        self.regularization = regularization
        index()
        prepare()
    }

    package static func == (a: Recommender, b: Recommender) -> Bool {
        a.itemCount == b.itemCount && a.popularity == b.popularity && a.recent == b.recent
            && a.inSegment.elementsEqual(b.inSegment) { $0.segment == $1.segment && $0.shares == $1.shares }
            && a.rules == b.rules && a.baskets == b.baskets && a.factors == b.factors
            && a.alpha == b.alpha && a.regularization == b.regularization
    }

    private mutating func index() {
        ruleStarts = [Int32](repeating: 0, count: itemCount + 1)
        for rule in rules { ruleStarts[Int(rule.antecedent[0]) + 1] += 1 }
        for item in 0..<itemCount { ruleStarts[item + 1] += ruleStarts[item] }
        lifts = rules.map { Float($0.measured(baskets: baskets).lift) }
    }

    private mutating func prepare() {
        guard let factors else { return }
        gram = factors.gram
        for k in 0..<factors.factors { gram[k * factors.factors + k] += regularization }
    }

    /// Bytes it takes.
    package var byteCount: Int {
        let shares = popularity.count + recent.count + inSegment.reduce(0) { $0 + $1.shares.count }
        return (shares + (factors?.values.count ?? 0) + lifts.count + ruleStarts.count) * 4
            + rules.count * 96 + gram.count * 8
    }

    /// Something bought.
    package typealias Bought = (item: Int, count: Float)

    /// Scores of all items, greater being better; nil where the method has nothing to say of this user. An item
    /// it has nothing to say of has 0 or, by least squares, whatever follows.
    ///
    /// - Parameters:
    ///   - bought: distinct items, ascending.
    ///   - segment: number + 1, 0 where there is none.
    func scores(_ method: RecommendationMethod, _ bought: [Bought], segment: UInt8) -> [Float]? {
        switch method {
        case .popular: popularity
        case .popularRecent: recent.contains { $0 > 0 } ? recent : nil
        case .popularInSegment: inSegment.first { $0.segment == segment && segment != 0 }?.shares
        case .rules: liftScores(bought)
        case .als: factorScores(bought)
        }
    }

    private func liftScores(_ bought: [Bought]) -> [Float]? {
        if rules.isEmpty || bought.isEmpty { return nil }
        var has = [Bool](repeating: false, count: itemCount)
        for (item, _) in bought { has[item] = true }
        var scores = [Float](repeating: 0, count: itemCount)
        var isAny = false
        for (item, _) in bought {
            for number in Int(ruleStarts[item])..<Int(ruleStarts[item + 1]) {
                let rule = rules[number]
                if rule.antecedent.count == 2, !has[Int(rule.antecedent[1])] { continue }
                let consequent = Int(rule.consequent)
                scores[consequent] = max(scores[consequent], lifts[number])
                isAny = isAny || !has[consequent]
            }
        }
        return isAny ? scores : nil
    }

    /// The vector of a user, from what they bought alone; nil without items.
    func folded(_ bought: [Bought]) -> [Double]? {
        guard let factors, !bought.isEmpty else { return nil }
        var system = FactorSystem(gram: gram, factors: factors.factors)
        for (item, count) in bought {
            system.add(factors.vector(item), confidence: alpha * Double(count))
        }
        return system.solve()
    }

    private func factorScores(_ bought: [Bought]) -> [Float]? {
        guard let factors, let vector = folded(bought) else { return nil }
        var padded = [Float](repeating: 0, count: factors.stride)
        for (place, value) in vector.enumerated() { padded[place] = Float(value) }
        let width = factors.stride / 4
        var scores = [Float](repeating: 0, count: itemCount)
        factors.values.withMemory { items in
            padded.withMemory { user in
                for item in 0..<itemCount {
                    var sum = SIMD4<Float>.zero
                    for place in 0..<width { sum += items[item * width + place] * user[place] }
                    scores[item] = sum.sum()
                }
            }
        }
        return scores
    }

    /// The items of the greatest scores that may be told, equal ones in their order.
    static func top(_ scores: [Float], most: Int, positive: Bool, isAllowed: (Int) -> Bool) -> [Int] {
        var best: [Int] = []
        for item in scores.indices {
            let score = scores[item]
            if best.count == most, let last = best.last, score <= scores[last] { continue }
            if positive && score <= 0 || !isAllowed(item) { continue }
            var place = best.count
            while place > 0, scores[best[place - 1]] < score { place -= 1 }
            best.insert(item, at: place)
            if best.count > most { best.removeLast() }
        }
        return best
    }
}
