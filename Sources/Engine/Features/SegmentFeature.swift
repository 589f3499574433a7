/// What a segmentation may look at: counts of known events, and sessions.
package enum SegmentFeature: Sendable, Equatable, Hashable {
    /// Number of events of a known name.
    case count(UInt16)
    case longTotalSeconds
    case shortTotalSeconds
    case longSessions
    case shortSessions

    /// Measures kept for the members of each segment: the counts of the known names, then the sessions'.
    static let measureCount = EventNames.known.count + 4

    /// Nil where no feature has this name.
    package init?(_ name: String) {
        switch name {
        case "long_total_s": self = .longTotalSeconds
        case "short_total_s": self = .shortTotalSeconds
        case "long_sessions": self = .longSessions
        case "short_sessions": self = .shortSessions
        default:
            guard let index = EventNames.known.firstIndex(of: name), index != EventNames.other else {
                return nil
            }
            self = .count(UInt16(index))
        }
    }

    /// Index among the measures.
    var measure: Int {
        switch self {
        case .count(let code): Int(code)
        case .longTotalSeconds: EventNames.known.count
        case .shortTotalSeconds: EventNames.known.count + 1
        case .longSessions: EventNames.known.count + 2
        case .shortSessions: EventNames.known.count + 3
        }
    }

    /// Units of the measure in one of the feature.
    var unit: Double {
        switch self {
        case .longTotalSeconds, .shortTotalSeconds: 1e6
        default: 1
        }
    }

    /// Whether it counts events, and so can be held against a bound at each event.
    package var isCount: Bool {
        if case .count = self { return true }
        return false
    }
}
