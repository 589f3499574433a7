/// What the grades ask of a purchase.
extension SettingsKeys {
    private static let mostValues = 64

    static let gradeCondition = SettingsKey(
        "models.tiers.grade_condition", .shaped(read: readGradeCondition, write: writeGradeCondition),
        "Which purchases count for the grade, by one of the fields of an event: {channel: \"online\"} or "
            + "{store: [\"S1\", \"S2\"]}; purchases from then on. null: all.")

    @Sendable
    private static func readGradeCondition(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        if value == .null {
            settings.models.tiers.gradeCondition = nil
            return
        }
        guard case .object(let members) = value else {
            throw value.refusal(wanted: "null or an object, {channel: \"online\"}")
        }
        guard members.count == 1, let member = members.first else {
            throw SettingRefusal("must name one field, as in {channel: \"online\"}, not \(members.count)")
        }
        guard let dimension = Dimension.allCases.first(where: { $0.text == member.key }) else {
            let known = Dimension.allCases.map(\.text).joined(separator: ", ")
            throw SettingRefusal("no such field; fields are \(known)", below: [member.key])
        }
        let values: [String]
        do throws(SettingRefusal) { values = try self.values(member.value) } catch {
            throw SettingRefusal(error.reason, below: [member.key] + error.below)
        }
        settings.models.tiers.gradeCondition = .init(dimension: dimension, values: values)
    }

    private static func values(_ value: JSONValue) throws(SettingRefusal) -> [String] {
        var values: [String] = []
        let elements = if case .array(let list) = value { list } else { [value] }
        for (index, element) in elements.enumerated() {
            let below = elements.count == 1 ? [] : ["\(index)"]
            guard case .string(let text) = element, !text.isEmpty else {
                throw SettingRefusal("must be a string that is not empty, or a list of such", below: below)
            }
            guard !values.contains(text) else {
                throw SettingRefusal("\"\(text)\" is named twice", below: below)
            }
            values.append(text)
        }
        guard (1...mostValues).contains(values.count) else {
            throw SettingRefusal("must name 1 to \(mostValues) values, not \(values.count)")
        }
        return values
    }

    @Sendable
    private static func writeGradeCondition(_ settings: Settings) -> JSONValue {
        guard let condition = settings.models.tiers.gradeCondition else { return .null }
        let values = condition.values
        return .object([
            .init(condition.dimension.text, values.count == 1 ? .string(values[0]) : .strings(values))
        ])
    }
}
