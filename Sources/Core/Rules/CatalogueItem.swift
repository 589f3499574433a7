/// What the shop says of an item, in the file that `models.recommendations.catalogue_file` names.
package struct CatalogueItem: Sendable, Equatable {
    package var id: String
    /// As people call it; empty: by its id.
    package var name = ""
    package var category = ""
    /// Pieces there are; nil: not said.
    package var stock: Double?

    package init(id: String) { self.id = id }

    /// Reads a line such as `{"item_id": "PD0045", "name": "Tent", "item_category": "Outdoor", "stock": 12}`; other
    /// members are left aside.
    ///
    /// - Throws: what is wrong with it.
    package static func read(_ line: String) throws(CatalogueError) -> CatalogueItem {
        let tree: JSONValue
        do throws(JSONReadError) { tree = try JSONReader.parse(Array(line.utf8)) } catch {
            throw CatalogueError(reason: "it is not JSON: \(error)")
        }
        guard case .object(let members) = tree else { throw CatalogueError(reason: "it is no object") }
        var item = CatalogueItem(id: "")
        for member in members where member.value != .null {
            switch (member.key, member.value) {
            case ("item_id", .string(let text)): item.id = text
            case ("item_id", .integer(let number)): item.id = "\(number)"
            case ("name", .string(let text)), ("item_name", .string(let text)): item.name = text
            case ("item_category", .string(let text)): item.category = text
            case ("stock", .integer(let number)): item.stock = Double(number)
            case ("stock", .number(let number)): item.stock = number
            case ("item_id", _), ("name", _), ("item_name", _), ("item_category", _), ("stock", _):
                throw CatalogueError(reason: "\(member.key) is of the wrong type")
            default: continue
            }
        }
        guard (1...65_535).contains(item.id.utf8.count) else {
            throw CatalogueError(reason: "item_id is missing")
        }
        guard item.name.utf8.count <= 1024, item.category.utf8.count <= 1024 else {
            throw CatalogueError(reason: "a text is longer than 1024 bytes")
        }
        return item
    }
}

/// Why a line of the catalogue is not understood.
package struct CatalogueError: Error, Sendable, Equatable {
    package var reason: String
}
