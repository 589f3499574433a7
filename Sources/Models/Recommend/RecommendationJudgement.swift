/// How well each method finds the purchases that were kept from it, for users by how much is known of them.
///
/// The users are halved by their hash: on the first half the method of each kind is chosen, on the second it is
/// judged, so that the figure is not that of the luckiest.
struct RecommendationJudgement {
    /// Figures of one method among one kind of users of one half.
    struct Figures {
        var users = 0
        var area = 0.0
        /// Users of whom there is an area.
        var ranked = 0
        var hits = 0
        var recall = 0.0
        var recommended = Set<Int>()
        /// Recall of the user added last.
        fileprivate(set) var last = 0.0

        var meanArea: Double { area / Double(max(1, ranked)) }
        var precision: Double { Double(hits) / Double(10 * max(1, users)) }
        var meanRecall: Double { recall / Double(max(1, users)) }
    }

    /// Most users who are looked at.
    static let most = 10_000

    private let data: RecommendationData
    private let recommender: Recommender
    private let minimumHistory: Int
    /// By half, kind and method.
    private(set) var figures: [[[Figures]]]
    /// Of each kind.
    private(set) var methods: [RecommendationMethod] = []
    /// Recall of each method by user of the first half, for the error of their difference.
    private var recalls: [[[Double]]]

    init(_ data: RecommendationData, _ recommender: Recommender, _ config: RecommendationsConfig) {
        self.data = data
        self.recommender = recommender
        minimumHistory = config.minimumHistory
        let none = [Figures](repeating: Figures(), count: RecommendationMethod.allCases.count)
        let kinds = HistoryKind.allCases.count
        figures = Array(repeating: Array(repeating: none, count: kinds), count: 2)
        recalls = Array(
            repeating: Array(repeating: [], count: RecommendationMethod.allCases.count), count: kinds)
        for user in 0..<min(data.users, Self.most) { look(at: user) }
        methods = HistoryKind.allCases.map(choose)
    }

    /// Users looked at who have something masked, of a half.
    func users(_ half: Int) -> Int {
        figures[half].reduce(0) { $0 + $1[0].users }
    }

    private mutating func look(at user: Int) {
        var (marks, bought) = ([Mark](repeating: .other, count: data.items.count), [Recommender.Bought]())
        for index in data.counts.row(user) {
            let item = Int(data.counts.columns[index])
            let isMasked = data.isMasked(user, item)
            marks[item] = isMasked ? .masked : .known
            if !isMasked { bought.append((item, data.counts.values[index])) }
        }
        if bought.count == data.counts.row(user).count { return }
        let kind = HistoryKind(items: bought.count, minimum: minimumHistory)
        let half = Int(data.hashes[user] >> 7 & 1)
        for method in kind.methods {
            let scores =
                recommender.scores(method, bought, segment: data.segments[user]) ?? recommender.popularity
            let (own, number) = (Int(kind.rawValue), Int(method.rawValue))
            figures[half][own][number].add(scores, marks)
            if half == 0 { recalls[own][number].append(figures[half][own][number].last) }
        }
    }

    /// What an item is to the user who is looked at.
    enum Mark: UInt8 {
        case other
        case known
        case masked
    }

    /// The method with the greatest recall on the first half, if it is more than a standard error above
    /// popularity's there, and no less on the second.
    private func choose(_ kind: HistoryKind) -> RecommendationMethod {
        let own = Int(kind.rawValue)
        let plain = Int(RecommendationMethod.popular.rawValue)
        var best = RecommendationMethod.popular
        for method in kind.methods where isUsable(method) {
            let better = figures[0][own][Int(method.rawValue)].meanRecall
            if better > figures[0][own][Int(best.rawValue)].meanRecall { best = method }
        }
        let differences = zip(recalls[own][Int(best.rawValue)], recalls[own][plain]).map { $0 - $1 }
        let count = Double(differences.count)
        guard count > 1 else { return .popular }
        let mean = differences.reduce(0, +) / count
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        guard mean > (variance / count).squareRoot(),
            figures[1][own][Int(best.rawValue)].meanRecall >= figures[1][own][plain].meanRecall
        else { return .popular }
        return best
    }

    func isUsable(_ method: RecommendationMethod) -> Bool {
        switch method {
        case .als: recommender.factors != nil
        case .rules: !recommender.rules.isEmpty
        case .popular, .popularRecent, .popularInSegment: true
        }
    }

    /// Share of what was masked that ten items miss, on the second half.
    func error(_ method: (HistoryKind) -> RecommendationMethod) -> Double {
        var (recall, users) = (0.0, 0)
        for kind in HistoryKind.allCases {
            let found = figures[1][Int(kind.rawValue)][Int(method(kind).rawValue)]
            recall += found.recall
            users += found.users
        }
        return users == 0 ? .nan : 1 - recall / Double(users)
    }

    /// Both halves of all kinds together, for comparison with what is published.
    func total(_ method: RecommendationMethod) -> Figures {
        var total = Figures()
        for half in figures {
            for kind in half {
                let found = kind[Int(method.rawValue)]
                total.users += found.users
                total.area += found.area
                total.ranked += found.ranked
                total.hits += found.hits
                total.recall += found.recall
                total.recommended.formUnion(found.recommended)
            }
        }
        return total
    }
}

extension RecommendationJudgement.Figures {
    fileprivate mutating func add(_ scores: [Float], _ marks: [RecommendationJudgement.Mark]) {
        users += 1
        let masked = marks.indices.filter { marks[$0] == .masked }
        if let area = Self.area(scores, marks, masked) {
            self.area += area
            ranked += 1
        }
        let top = Recommender.top(scores, most: 10, positive: false) { marks[$0] != .known }
        let found = top.count { marks[$0] == .masked }
        hits += found
        last = Double(found) / Double(min(10, masked.count))
        recall += last
        recommended.formUnion(top)
    }

    /// Chance that something masked scores above something that was not bought, ties counting half; nil where
    /// everything was.
    private static func area(
        _ scores: [Float], _ marks: [RecommendationJudgement.Mark], _ masked: [Int]
    ) -> Double? {
        var (pairs, others) = (0, 0)
        let own = masked.map { scores[$0] }
        for item in scores.indices where marks[item] == .other {
            others += 1
            for score in own { pairs += score > scores[item] ? 2 : score == scores[item] ? 1 : 0 }
        }
        return others == 0 ? nil : Double(pairs) / (2 * Double(others) * Double(masked.count))
    }
}
