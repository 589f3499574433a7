import Core
import Models

/// Makes conditions ready for a partition: what they name becomes its numbers.
extension Partition {
    /// Gives the texts and names of all rules their numbers in this partition.
    func prepareRules() {
        for rule in rules.rules {
            for condition in rule.conditions { prepare(condition) }
        }
        nameSegments()
    }

    /// A condition of no rule, made ready for the events that are known to everybody.
    func prepared(_ program: ConditionProgram) -> PreparedCondition {
        let condition = PreparedCondition(program)
        prepare(condition)
        for (place, name) in program.names.enumerated() where name.field == .event {
            condition.names[place] =
                EventNames.known.firstIndex(of: name.name).map { UInt32($0) } ?? PreparedCondition.noCode
        }
        nameSegments()
        return condition
    }

    private func prepare(_ condition: PreparedCondition) {
        for (place, text) in condition.program.texts.enumerated() {
            condition.texts[place] = symbol(of: text)
        }
        for (place, name) in condition.program.names.enumerated() where name.field != .event {
            condition.names[place] =
                name.field == .membership ? rules.note(segmentation: name.name) : intern(name.name)
        }
    }

    private func intern(_ text: String) -> UInt32 {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { strings.intern($0) }
    }

    private func symbol(of text: ConditionProgram.Text) -> UInt32 {
        switch text.field {
        case .segment, .segmentAtLastPurchase, .membership: rules.note(segmentText: text.text)
        case .tier, .tierBest: UInt32((TierRule.names.firstIndex(of: text.text) ?? 254) + 1)
        case .grade: UInt32((GradeRule.names.firstIndex(of: text.text) ?? 254) + 1)
        case .rfmCell: Self.cellNumber(text.text)
        default: intern(text.text) + 1
        }
    }

    /// `R3F2M2` as 322; `UInt32.max` for what is no cell.
    private static func cellNumber(_ text: String) -> UInt32 {
        let digits = text.compactMap(\.wholeNumberValue)
        guard digits.count == 3, text == "R\(digits[0])F\(digits[1])M\(digits[2])" else { return .max }
        return UInt32(digits[0] * 100 + digits[1] * 10 + digits[2])
    }

    /// After other segments came into use: which of them conditions name.
    func nameSegments() {
        func symbols(_ name: (Int) -> String) -> [UInt32] {
            (0..<SegmentState.idLimit).map { id in
                rules.segmentTexts.firstIndex(of: name(id)).map { UInt32($0 + 1) } ?? .max - 1
            }
        }
        let isAsked = !rules.segmentTexts.isEmpty
        rules.segmentSymbols = isAsked && segments.isFitted ? symbols { segments.name($0) } : []
        rules.memberSymbols = segmentations.map { state in symbols { state.name(of: $0) } }
        rules.memberPlaces = rules.memberNames.map { name in
            segmentations.firstIndex { $0.name == name } ?? -1
        }
    }
}
