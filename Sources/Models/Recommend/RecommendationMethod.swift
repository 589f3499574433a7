/// How items are chosen for a user.
package enum RecommendationMethod: UInt8, Sendable, CaseIterable {
    /// Most users bought it.
    case popular = 0
    /// Most users bought it of late.
    case popularRecent = 1
    /// Most users of the same segment bought it.
    case popularInSegment = 2
    /// It follows from what they bought by an association rule; the greatest lift first.
    case rules = 3
    /// Alternating least squares.
    case als = 4

    /// As the status port and the triggers call it.
    package var name: String {
        switch self {
        case .popular: "popularity"
        case .popularRecent: "popularity_recent"
        case .popularInSegment: "popularity_segment"
        case .rules: "rules"
        case .als: "als"
        }
    }

    /// Most items that are told.
    package var most: Int { self == .rules ? 5 : 10 }
}

/// Users by how much is known of what they buy.
package enum HistoryKind: UInt8, Sendable, CaseIterable {
    case none = 0
    case few = 1
    case known = 2

    package init(items: Int, minimum: Int) {
        self = items == 0 ? .none : items < minimum ? .few : .known
    }

    package var name: String {
        switch self {
        case .none: "without_history"
        case .few: "little_history"
        case .known: "with_history"
        }
    }

    /// Methods that can say anything about them.
    var methods: [RecommendationMethod] {
        self == .none ? [.popular, .popularRecent, .popularInSegment] : RecommendationMethod.allCases
    }
}

/// A rule for use: with one item or two on the left and one on the right.
package struct ItemRule: Sendable, Equatable {
    /// One or two, ascending.
    package var antecedent: [Int32]
    package var consequent: Int32
    package var both: Int
    package var antecedentCount: Int
    package var consequentCount: Int

    package func measured(baskets: Int) -> AssociationRule {
        AssociationRule(
            antecedent: antecedent, consequent: [consequent], both: both, antecedentCount: antecedentCount,
            consequentCount: consequentCount, baskets: baskets)
    }
}
